// Small tests on HTTP text: tokens, names without regard to case, hosts.
#pragma once

#include <string_view>

namespace headrace {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

inline bool equal_any_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

inline bool starts_with_any_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equal_any_case(text.substr(0, start.size()), start);
}

// Would it end a line of a header, or a command?
inline bool has_line_end(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos; }

// A character of a token: method and field names (RFC 9110 5.6.2).
bool is_token_char(char c);

// Could this be a Host: host, IPv4 or [IPv6], perhaps with a port? Empty is allowed (RFC 9110 7.2); no user
// info.
bool is_authority(std::string_view text);

// Without blanks and tabs around it.
inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `each` for every non-empty element of a comma-separated list.
template <class Each>
void for_each_token(std::string_view list, Each each) {
  while (true) {
    size_t comma = list.find(',');
    std::string_view token = trimmed(list.substr(0, comma));
    if (!token.empty()) each(token);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace headrace
