// The version of the program, from CMake.
#pragma once

#include <string_view>

namespace headrace {

extern const std::string_view version;
extern const std::string_view build_compiler;

}  // namespace headrace
