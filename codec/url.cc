// Strict decoding: what is malformed is refused rather than passed on.
#include "codec/url.h"

#include "codec/utf8.h"

namespace headrace {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      int high = i + 2 < text.size() ? hex(text[i + 1]) : -1, low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0) return {};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && form) {
      c = ' ';
    }
    if (c == 0) return {};
    out += c;
  }
  if (!is_utf8(out)) return {};
  return out;
}

bool next_parameter(std::string_view& query, std::string_view& name, std::string_view& value) {
  while (!query.empty() && query.front() == '&') query.remove_prefix(1);
  if (query.empty()) return false;
  std::string_view pair = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(query.size(), pair.size() + 1));
  size_t equals = pair.find('=');
  name = pair.substr(0, equals);
  value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  return true;
}

}  // namespace headrace
