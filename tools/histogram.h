// A log-linear histogram of durations: 128 equal steps per power of two, so every value is known to 0.8 %.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace headrace {

// The idea is Gil Tene's HdrHistogram (hdrhistogram.org); values are nanoseconds here.
class Histogram {
 public:
  void record(uint64_t value) {
    ++counts_[slot(value)];
    ++total_;
    sum_ += static_cast<double>(value);
    if (value > max_) max_ = value;
  }
  void clear() { *this = Histogram(); }
  void merge(const Histogram& other);

  // The value that `share` (0..1) of all recorded values do not exceed; 0 where nothing was recorded.
  uint64_t at(double share) const;
  uint64_t count() const { return total_; }
  uint64_t max() const { return max_; }
  double mean() const { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }

 private:
  static constexpr int step_bits = 7;
  static constexpr uint64_t steps = uint64_t{1} << step_bits;
  static constexpr size_t slots = static_cast<size_t>(65 - step_bits) * steps;

  static size_t slot(uint64_t value) {
    if (value < steps) return value;
    const int shift = std::bit_width(value) - step_bits - 1;
    return static_cast<size_t>(shift) * steps + (value >> shift);
  }
  static uint64_t highest_in(size_t slot);

  std::array<uint64_t, slots> counts_{};
  uint64_t total_ = 0, max_ = 0;
  double sum_ = 0;
};

}  // namespace headrace
