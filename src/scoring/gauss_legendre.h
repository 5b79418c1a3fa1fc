// Points and weights of Gauss-Legendre quadrature on 0..1.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace headrace {

template <size_t points>
struct Quadrature {
  std::array<double, points> at, weight;
};

// Newton's method on the Legendre polynomial, from the usual cosine guess (Abramowitz and Stegun, 25.4.30).
template <size_t points>
Quadrature<points> gauss_legendre() {
  Quadrature<points> out;
  for (size_t i = 0; i < points; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (points + 0.5));
    double slope = 0;
    for (int round = 0; round < 8; ++round) {
      double before = 1, value = x;
      for (size_t k = 2; k <= points; ++k) {
        auto n = static_cast<double>(k);
        double next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
        before = value, value = next;
      }
      slope = points * (x * value - before) / (x * x - 1);
      x -= value / slope;
    }
    out.at[i] = (1 - x) / 2;
    out.weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return out;
}

}  // namespace headrace
