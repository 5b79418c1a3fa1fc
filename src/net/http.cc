// Names of methods and header fields.
#include "src/net/http.h"

#include "src/net/text.h"

namespace headrace {
namespace {

constexpr std::string_view method_names[method_count] = {"GET",   "HEAD",   "POST",   "PUT",
                                                         "PATCH", "DELETE", "OPTIONS"};

// In the order of Known.
constexpr std::string_view known_names[known_count] = {
    "accept",          "accept-encoding",   "authorization", "connection", "content-encoding",
    "content-length",  "content-type",      "cookie",        "expect",     "host",
    "idempotency-key", "if-none-match",     "origin",        "prefer",     "traceparent",
    "tracestate",      "transfer-encoding", "user-agent",    "x-api-key",  "x-request-id"};

// Names by length and first letter: a field's name is compared with one candidate, seldom two.
struct Index {
  static constexpr size_t lengths = 18, letters = 26;
  uint8_t first[lengths][letters] = {};  // 1 + index of the first candidate
  uint8_t next[known_count] = {};        // 1 + index of the next one

  constexpr Index() {
    for (size_t i = known_count; i-- > 0;) {
      uint8_t& head = first[known_names[i].size()][static_cast<size_t>(known_names[i][0] - 'a')];
      next[i] = head;
      head = static_cast<uint8_t>(i + 1);
    }
  }
};
constexpr Index index_of_known;

}  // namespace

std::string_view name_of(Method method) { return method_names[static_cast<size_t>(method)]; }

Known known_of(std::string_view name) {
  if (name.empty() || name.size() >= Index::lengths) return Known::other;
  size_t letter = static_cast<unsigned char>(lower(name[0])) - size_t{'a'};
  if (letter >= Index::letters) return Known::other;
  for (uint8_t i = index_of_known.first[name.size()][letter]; i != 0; i = index_of_known.next[i - 1u]) {
    if (equal_any_case(name, known_names[i - 1u])) return static_cast<Known>(i - 1);
  }
  return Known::other;
}

std::string_view HeaderList::find(std::string_view name) const {
  if (Known field = known_of(name); field != Known::other) return known(field);
  for (const Header& header : all_) {
    if (equal_any_case(header.name, name)) return header.value;
  }
  return {};
}

}  // namespace headrace
