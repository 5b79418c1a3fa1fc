// API keys: 256 random bits shown once; only the SHA-256 of a key is kept.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "storage/partition.h"

namespace headrace {

using KeyHash = std::array<uint8_t, 32>;

KeyHash hash_of_key(std::string_view key);

// A new key: "hr_" and 64 hex digits; of what may be shown of it later, "hr_" and 8.
std::string make_key();
inline constexpr size_t key_prefix_bytes = 11;

// The id by which the administrator's key goes among those that were made through the API.
inline constexpr uint64_t admin_key_id = 2;  // ids that are made are odd

// Sees to it that the control partition knows an administrator's key: the one in `preset`, else one it has already,
// else a new one. Runs before the loops do. The new key, if one was made, is in `made`.
struct Bootstrap {
  std::vector<KeyHash> admins;
  std::string made;
};
Result<Bootstrap> bootstrap_admin_key(Partition& control, std::string_view preset);

}  // namespace headrace
