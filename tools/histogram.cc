// A log-linear histogram of durations: reading the percentiles.
#include "tools/histogram.h"

#include <algorithm>
#include <cmath>

namespace headrace {

uint64_t Histogram::highest_in(size_t slot) {
  if (slot < 2 * steps) return slot;
  const size_t shift = slot / steps - 1;
  const uint64_t step = slot % steps + steps;
  return ((step + 1) << shift) - 1;
}

uint64_t Histogram::at(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(total_)));
  uint64_t seen = 0;
  for (size_t slot = 0; slot < slots; ++slot) {
    seen += counts_[slot];
    if (counts_[slot] > 0 && seen >= wanted) return std::min(highest_in(slot), max_);
  }
  return max_;
}

void Histogram::merge(const Histogram& other) {
  for (size_t slot = 0; slot < slots; ++slot) counts_[slot] += other.counts_[slot];
  total_ += other.total_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

}  // namespace headrace
