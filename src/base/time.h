// Time as a value and as an interface. All times are microseconds since 1970-01-01T00:00:00Z.
#pragma once

#include <cstdint>

namespace headrace {

using Micros = int64_t;  // a point in time, or a duration, in microseconds

inline constexpr Micros second_us = 1'000'000;
inline constexpr Micros minute_us = 60 * second_us;
inline constexpr Micros hour_us = 60 * minute_us;
inline constexpr Micros day_us = 24 * hour_us;

// The only door to the clock; tests and the simulator give their own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Micros wall() = 0;       // UTC, may step
  virtual Micros monotonic() = 0;  // since an arbitrary start, never steps
};

Clock& system_clock();

}  // namespace headrace
