// Percent coding (RFC 3986) and query strings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace {

// `text` with %XX undone, and + as a blank if `form`. Empty if a % is not followed by two hex digits, or the result
// holds a NUL byte or is no UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool form);

// Takes the first "name=value" off `query`. False at its end.
bool next_parameter(std::string_view& query, std::string_view& name, std::string_view& value);

}  // namespace headrace
