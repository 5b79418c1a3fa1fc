// base64url without padding (RFC 4648, section 5), as JSON Web Tokens use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace {

std::string base64url(std::string_view bytes);

// Strict: no padding, no other character, and the bits that the last digit has too many are 0, so that every value has
// one text.
std::optional<std::string> parse_base64url(std::string_view text);

}  // namespace headrace
