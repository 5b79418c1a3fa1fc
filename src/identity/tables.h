// Numbers of the document tables that identity owns. A number is part of the log format: it never changes its meaning.
#pragma once

#include <cstdint>

namespace headrace::tables {

inline constexpr uint8_t admin_keys = 1;  // id -> SHA-256 of the key

}  // namespace headrace::tables
