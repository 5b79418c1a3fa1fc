// The files of models/ that are part of the program, as text.
#pragma once

#include <span>
#include <string_view>

namespace headrace {

std::span<const std::string_view> embedded_models();

}  // namespace headrace
