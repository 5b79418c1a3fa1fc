// CHECK: the third level of error handling. A broken invariant of our own ends the process at once.
#pragma once

namespace headrace {

// Prints file, line and the broken condition to stderr, then aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace headrace

// Always on, in every build: state that is not what we think it is must not be written to disk.
#define CHECK(condition) \
  (__builtin_expect(!!(condition), 1) ? void() : ::headrace::check_failed(__FILE__, __LINE__, #condition))
