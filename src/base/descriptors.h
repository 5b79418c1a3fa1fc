// Descriptors: how many files and sockets this process may hold open.
#pragma once

#include <cstddef>

namespace headrace {

// RLIMIT_NOFILE, raised to what the system allows at all (its hard limit).
size_t raise_descriptor_limit();

}  // namespace headrace
