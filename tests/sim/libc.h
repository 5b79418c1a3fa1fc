// The functions of libc that interpose.cc puts its own in front of, as they are behind it.
#pragma once

#include <dlfcn.h>

#include "src/base/check.h"

namespace headrace::sim {

// Some have several versions, of which a plain look-up may give the oldest.
inline void* libc_symbol(const char* name, const char* version) {
  void* found = version == nullptr ? nullptr : ::dlvsym(RTLD_NEXT, name, version);
  if (found == nullptr) found = ::dlsym(RTLD_NEXT, name);
  CHECK(found != nullptr);
  return found;
}

}  // namespace headrace::sim

#define LIBC_VERSION(name, version)                                                                          \
  ([]() noexcept {                                                                                           \
    static void* const found = ::headrace::sim::libc_symbol(#name, version);                                 \
    return reinterpret_cast<decltype(&::name)>(found);                                                       \
  }())
#define LIBC(name) LIBC_VERSION(name, nullptr)
