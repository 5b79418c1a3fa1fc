// Memory for coroutine frames: free lists per thread and size class, so that a coroutine costs no malloc.
// Under AddressSanitizer the pool steps aside, so that a use after free is seen.
#pragma once

#include <cstddef>

namespace headrace::frame_pool {

void* take(size_t bytes);
void give(void* frame, size_t bytes) noexcept;

}  // namespace headrace::frame_pool
