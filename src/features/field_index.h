// FieldIndex: finds the few fields of an event that definitions need, in one pass over its JSON.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "codec/event.h"
#include "src/features/observation.h"
#include "src/features/plan.h"

namespace headrace::features {

// A field that is absent, null or of another type is missing, never an error: intake has already judged the
// event. Of several spellings of one field (value, amount) the last well-typed one counts.
class FieldIndex {
 public:
  explicit FieldIndex(std::shared_ptr<const Plan> plan);
  ~FieldIndex();
  FieldIndex(FieldIndex&&) noexcept;
  FieldIndex& operator=(FieldIndex&&) noexcept;

  void extract(const Event& event, Observation& observation);

 private:
  struct Parser;
  void extract_fields(std::string_view data, Observation& observation);

  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace headrace::features
