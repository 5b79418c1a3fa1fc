// Character classes of HTTP, as bit tables.
#include "src/net/text.h"

#include <array>

namespace headrace {
namespace {

constexpr std::array<bool, 256> table_of(std::string_view punctuation) {
  std::array<bool, 256> table = {};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = table[static_cast<size_t>(c - 32)] = true;
  for (char c : punctuation) table[static_cast<unsigned char>(c)] = true;
  return table;
}

constexpr auto token_chars = table_of("!#$%&'*+-.^_`|~");
constexpr auto host_chars = table_of("-._~%!$&'()*+;=");  // reg-name of RFC 3986 3.2.2, without the comma

bool all_in(std::string_view text, const std::array<bool, 256>& table) {
  for (char c : text) {
    if (!table[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_token_char(char c) { return token_chars[static_cast<unsigned char>(c)]; }

bool is_authority(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    if (text.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return false;
    std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  size_t colon = text.find(':');
  if (!all_in(text.substr(0, colon), host_chars)) return false;
  return colon == std::string_view::npos || is_port(text.substr(colon + 1));
}

}  // namespace headrace
