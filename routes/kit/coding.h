// In what coding a client wants its answers (RFC 9110 12.5.3), and which answers are worth it.
#pragma once

#include <string_view>

#include "codec/content_coding.h"

namespace headrace {

// The coding of those we write that the field likes best; where it likes several equally, the one that costs least.
Coding choose_coding(std::string_view accept_encoding);

// Text of some length. What holds secrets is not for this: its length would tell of them (BREACH).
bool is_worth_coding(std::string_view content_type, size_t bytes);

}  // namespace headrace
