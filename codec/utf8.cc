// The table of RFC 3629 section 4 as code: overlong forms, surrogates and values above U+10FFFF are no
// sequences.
#include "codec/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace headrace {
namespace {

// Can bytes behind these make one well-formed sequence of them?
bool is_beginning(std::string_view text) {
  char tried[4];
  constexpr std::string_view tails[] = {"\x80", "\xbf"};  // where any byte may come, one of them may
  for (std::string_view tail : tails) {
    size_t bytes = text.copy(tried, sizeof tried);
    while (bytes < sizeof tried) {
      tried[bytes++] = tail[0];
      if (utf8_width({tried, bytes}) == bytes) return true;
    }
  }
  return false;
}

// Bytes at the end of `text` that a sequence may have begun with: at most three.
size_t unfinished(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4u : byte >= 0xe0 ? 3u : 2u) ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

}  // namespace

size_t utf8_width(std::string_view text) {
  if (text.empty()) return 0;
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t width = utf8_width(text);
    if (!width) return false;
    text.remove_prefix(width);
  }
  return true;
}

// Bytes of the piece that belong to what the pieces before it have begun.
bool Utf8Check::finish_begun(std::string_view& piece) {
  while (begun_bytes_ > 0 && !piece.empty()) {
    begun_[begun_bytes_++] = piece[0];
    piece.remove_prefix(1);
    std::string_view begun(begun_, begun_bytes_);
    if (utf8_width(begun) == begun_bytes_)
      begun_bytes_ = 0;
    else if (begun_bytes_ == sizeof begun_ || !is_beginning(begun))
      return false;
  }
  return true;
}

bool Utf8Check::take(std::string_view piece) {
  if (!finish_begun(piece)) return false;
  if (piece.empty()) return true;
  size_t tail = unfinished(piece);
  if (!simdjson::validate_utf8(piece.data(), piece.size() - tail)) return false;
  if (tail == 0) return true;
  begun_bytes_ = piece.substr(piece.size() - tail).copy(begun_, sizeof begun_);
  return is_beginning({begun_, begun_bytes_});
}

}  // namespace headrace
