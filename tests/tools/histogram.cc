// The histogram of the load generator against sorted values.
#include "tools/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace headrace {
namespace {

// Exact percentile by the same definition: the smallest value that `share` of all do not exceed.
uint64_t exact(const std::vector<uint64_t>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[rank == 0 ? 0 : rank - 1];
}

TEST(Histogram, PercentilesAreWithinOnePerCentAboveTheExactOnes) {
  std::mt19937_64 dice(7);
  std::lognormal_distribution<double> latency(13, 2);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<uint64_t>(latency(dice)));
  for (const uint64_t value : values) histogram.record(value);
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_GE(histogram.at(share), exact(values, share));
    EXPECT_LE(static_cast<double>(histogram.at(share)),
              static_cast<double>(exact(values, share)) * 1.008 + 1);
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(Histogram, KeepsSmallValuesExactlyAndTheLargestOnesAtAll) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{255}, ~uint64_t{0}}) {
    Histogram one;
    one.record(value);
    EXPECT_EQ(one.at(0.5), value);
  }
}

TEST(Histogram, MergedIsAsIfRecordedTogether) {
  Histogram low, high;
  for (uint64_t value = 1; value <= 90; ++value) low.record(value);
  for (uint64_t value = 91; value <= 100; ++value) high.record(value);
  low.merge(high);
  EXPECT_EQ(low.at(0.9), 90u);
  EXPECT_EQ(low.at(0.99), 99u);
  EXPECT_DOUBLE_EQ(low.mean(), 50.5);
}

TEST(Histogram, EmptyAnswersZero) { EXPECT_EQ(Histogram().at(0.99), 0u); }

}  // namespace
}  // namespace headrace
