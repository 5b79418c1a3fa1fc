// Under which ids an account may be named.
#include "src/identity/caller.h"

#include <charconv>

namespace headrace {

bool Caller::owns(std::string_view id) const {
  if (account_number == 0) return false;
  if (id == account.view()) return true;
  uint64_t number = 0;
  auto [end, code] = std::from_chars(id.data(), id.data() + id.size(), number);
  return code == std::errc() && end == id.data() + id.size() && id.front() != '0' && number == account_number;
}

}  // namespace headrace
