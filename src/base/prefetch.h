// Asking memory for a line of cache ahead of its use.
#pragma once

namespace headrace {

// The line of `at`, whatever that points to. A bare __builtin_prefetch is no effect to the compiler: g++ 12 takes a function that
// does nothing else for pure and leaves out calls of it, where it can see both.
inline void prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace headrace
