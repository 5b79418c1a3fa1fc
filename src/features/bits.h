// Numbers in the bytes of a row, wherever they are aligned; the rounding of sums; what counts as a value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "src/base/limits.h"
#include "src/base/time.h"

namespace headrace::features {

__extension__ using Wide = __int128;

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
void store(char* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

template <class T>
void add(char* at, T difference) {
  store<T>(at, load<T>(at) + difference);
}

// The product of two numbers of an event. Adding zero makes -0 and 0 the same bits.
inline double product(double a, double b) { return a * b + 0.0; }

inline bool is_value(double value) { return std::fabs(value) <= limits::feature_value_max; }

// Sums are kept in whole millionths, so that they do not depend on the order of the events.
inline int64_t millionths(double value) { return static_cast<int64_t>(std::rint(value * 1e6)); }
inline double from_millionths(Wide sum) { return static_cast<double>(sum) / 1e6; }

// Differences of two such times cannot overflow; 36,000 years either way.
inline constexpr Micros time_max = Micros{1} << 60;
inline Micros within_time(Micros time) { return std::clamp(time, -time_max, time_max); }

static_assert(limits::feature_value_max * 1e6 < 9.2e18);

}  // namespace headrace::features
