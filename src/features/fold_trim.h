// trim_folds(): leaves folds out of what a FoldWriter wrote, without knowing any definition: what stays keeps
// its fields bit by bit, also those that no plan knows today.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "src/features/fold_payload.h"

namespace headrace::features {

// A fold as far as it can be read without a plan.
struct FoldName {
  FoldRank rank = 0;
  std::string_view type, key;

  EntityKind kind() const { return static_cast<EntityKind>(rank % entity_kinds); }
};

struct Trimmed {
  size_t kept = 0, left_out = 0;
};

// Appends the folds that stay. Nothing where the bytes are no folds.
using LeaveOutFold = std::function<bool(const FoldName& fold)>;
std::optional<Trimmed> trim_folds(std::string_view folds, const LeaveOutFold& leave_out, std::string& out);

}  // namespace headrace::features
