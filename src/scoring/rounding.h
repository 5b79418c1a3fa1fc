// Rounding of what people read.
#pragma once

#include <cmath>

namespace headrace {

inline double rounded(double value, int decimals) {
  double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

}  // namespace headrace
