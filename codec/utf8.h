// UTF-8 (RFC 3629): the width of one well-formed sequence.
#pragma once

#include <cstddef>
#include <string_view>

namespace headrace {

// Bytes of the well-formed sequence that `text` begins with, 1 to 4; 0 if it begins with none.
size_t utf8_width(std::string_view text);

// True if all of `text` is well formed.
bool is_utf8(std::string_view text);

}  // namespace headrace
