// FeatureVector: the features of one entity at one time, by index of definition.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "src/base/limits.h"
#include "src/base/time.h"

namespace headrace::features {

struct FeatureVector {
  std::array<double, limits::feature_definitions_max> slots{};
  uint32_t count = 0;
  uint32_t points = 0;  // recent events kept one by one
  uint64_t events = 0;  // ever folded
  Micros first_time = 0;
  Micros last_time = 0;
  Micros as_of = 0;
  bool window_truncated = false;  // a window of a definition reaches back past the points kept

  // NaN: missing. Index i belongs to Plan::kind(...).outputs[i].
  std::span<const double> values() const { return {slots.data(), count}; }
};

}  // namespace headrace::features
