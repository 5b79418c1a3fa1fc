// How much processor time a process of this machine has used: the denominator of every figure of the bench.
#pragma once

#include <cstdint>
#include <optional>

namespace headrace {

// User and system seconds of all threads of `pid`; empty where there is no such process. In steps of 10 ms.
std::optional<double> cpu_seconds_of(int pid);

// The process that listens on a TCP port of this machine; empty where none does or it belongs to another
// user.
std::optional<int> listener_on(uint16_t port);

}  // namespace headrace
