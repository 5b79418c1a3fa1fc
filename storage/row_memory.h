// Memory for rows: blocks on cache lines of their own, with free lists per thread and size class, because rows that do not fit into
// memory come and go with every event. Under AddressSanitizer the lists step aside, so that a use after free is seen.
// Limits: limits::pooled_row_bytes_max per thread; above it blocks go back to malloc.
#pragma once

#include <cstddef>

namespace headrace::row_memory {

inline constexpr size_t line_bytes = 64;

void* take(size_t bytes);
void give(void* block, size_t bytes) noexcept;  // may be on another thread

// What a block of so many bytes costs: malloc puts 16 bytes before it, and the next one begins on a line again.
constexpr size_t cost(size_t bytes) {
  constexpr size_t before = 16, small_max = 1024, large_step = 256;
  size_t step = bytes + before <= small_max ? line_bytes : large_step;
  return (bytes + before + step - 1) / step * step;
}

// Of a block that so many are asked for; costs the same.
constexpr size_t usable(size_t bytes) { return cost(bytes) - 16; }

}  // namespace headrace::row_memory
