// Names of methods and header fields.
#include "src/net/http.h"

#include <cstring>

#include "src/net/request_head.h"
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

// `known` is small letters and hyphens: for those, and for no other character of a token, bit 5 is the case.
bool is_name(std::string_view name, std::string_view known) {
  constexpr uint64_t small = 0x2020202020202020;
  size_t i = 0;
  for (; i + 8 <= known.size(); i += 8) {
    uint64_t a, b;
    std::memcpy(&a, name.data() + i, 8);
    std::memcpy(&b, known.data() + i, 8);
    if ((a | small) != b) return false;
  }
  for (; i < known.size(); ++i) {
    if ((name[i] | 0x20) != known[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view name_of(Method method) { return method_names[static_cast<size_t>(method)]; }

Known known_of(std::string_view name) {
  if (name.empty() || name.size() >= Index::lengths) return Known::other;
  size_t letter = static_cast<unsigned char>(lower(name[0])) - size_t{'a'};
  if (letter >= Index::letters) return Known::other;
  for (uint8_t i = index_of_known.first[name.size()][letter]; i != 0; i = index_of_known.next[i - 1u]) {
    if (is_name(name, known_names[i - 1u])) return static_cast<Known>(i - 1);
  }
  return Known::other;
}

std::string_view HeaderList::known(Known field) const {
  uint16_t index = head_ ? head_->known[static_cast<size_t>(field)] : uint16_t{0};
  return index == 0 ? std::string_view() : head_->headers[index - 1u].value.in(window_);
}

std::string_view HeaderList::find(std::string_view name) const {
  if (Known field = known_of(name); field != Known::other) return known(field);
  for (size_t i = 0; i < size(); ++i) {
    if (Header header = (*this)[i]; equal_any_case(header.name, name)) return header.value;
  }
  return {};
}

size_t HeaderList::size() const { return head_ ? head_->headers.size() : 0; }

Header HeaderList::operator[](size_t index) const {
  const HeaderSpan& field = head_->headers[index];
  return {field.name.in(window_), field.value.in(window_)};
}

}  // namespace headrace
