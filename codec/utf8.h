// UTF-8 (RFC 3629): the width of one well-formed sequence, and the check of texts that come in pieces.
#pragma once

#include <cstddef>
#include <string_view>

namespace headrace {

// Bytes of the well-formed sequence that `text` begins with, 1 to 4; 0 if it begins with none.
size_t utf8_width(std::string_view text);

// True if all of `text` is well formed.
bool is_utf8(std::string_view text);

// Checks a text that comes in pieces, each at once.
class Utf8Check {
 public:
  // False as soon as what has come can no longer become well formed; the check is over then.
  bool take(std::string_view piece);
  // True where no sequence is left unfinished.
  bool whole() const { return begun_bytes_ == 0; }

 private:
  bool finish_begun(std::string_view& piece);

  char begun_[4];  // a sequence of which bytes are missing
  size_t begun_bytes_ = 0;
};

}  // namespace headrace
