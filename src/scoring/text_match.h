// Comparing what people type with what is documented.
#pragma once

#include <algorithm>
#include <string_view>

namespace headrace {

// ASCII letters only; other bytes must be equal.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace headrace
