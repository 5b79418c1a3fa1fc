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

// A new key: "hr_" and 64 hex digits.
std::string make_key();

// The keys that are valid. Immutable once made; any thread.
class KeyRing {
 public:
  explicit KeyRing(std::vector<KeyHash> admins) : admins_(std::move(admins)) {}

  // True if `key` is an administrator's. Takes the same time whichever it is.
  bool is_admin(std::string_view key) const;

 private:
  std::vector<KeyHash> admins_;
};

// Sees to it that the control partition knows an administrator's key: the one in `preset`, else one it has already,
// else a new one. Runs before the loops do. The new key, if one was made, is in `made`.
struct Bootstrap {
  std::vector<KeyHash> admins;
  std::string made;
};
Result<Bootstrap> bootstrap_admin_key(Partition& control, std::string_view preset);

}  // namespace headrace
