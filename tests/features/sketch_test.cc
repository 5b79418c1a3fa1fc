// The count of different values: exact while few, then within the error its paper promises.
#include "src/features/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "src/base/limits.h"
#include "src/features/words.h"

namespace {

using namespace headrace;
using namespace headrace::features;

// A sketch between other bytes of a row, which must not change.
struct Sketch {
  RowBytes row = "BEFOREAFTER";
  SketchHead head;

  void add(uint64_t hash) { head = sketch_add(hash, 6, head, row); }
  double estimate() const { return sketch_estimate(head, row.data() + 6); }
  bool framed() const {
    std::string_view text = row;
    return text.starts_with("BEFORE") && text.substr(6 + head.bytes) == "AFTER";
  }
};

TEST(Sketch, IsExactUpToItsBound) {
  std::mt19937_64 random(1);
  Sketch sketch;
  std::set<uint64_t> truth;
  while (truth.size() < limits::feature_sparse_max) {
    uint64_t hash = random() % 3 && !truth.empty() ? *truth.begin() : random();
    truth.insert(hash);
    sketch.add(hash);
    ASSERT_EQ(sketch.estimate(), static_cast<double>(truth.size()));
    ASSERT_TRUE(sketch.framed());
  }
  sketch.add(*truth.rbegin());
  EXPECT_EQ(sketch.head.count, limits::feature_sparse_max);
}

TEST(Sketch, TheCountDoesNotDependOnTheOrder) {
  std::mt19937_64 random(2);
  for (size_t n : {5U, 128U, 129U, 5000U}) {
    std::vector<uint64_t> hashes(n);
    for (uint64_t& hash : hashes) hash = random();
    Sketch a, b;
    for (uint64_t hash : hashes) a.add(hash);
    std::shuffle(hashes.begin(), hashes.end(), random);
    for (uint64_t hash : hashes) b.add(hash), b.add(hash);
    EXPECT_EQ(a.estimate(), b.estimate()) << n;
    EXPECT_TRUE(n <= limits::feature_sparse_max || a.row == b.row);
    EXPECT_TRUE(a.framed());
  }
}

// Means and deviations over 200 sketches at each size, with the hashes that fields really get.
TEST(Sketch, ErrorIsWhatThePaperSays) {
  const double sigma = 1.04 / std::sqrt(static_cast<double>(sketch_registers));
  const int sketches = 200;
  std::vector<size_t> sizes = {129, 300, 1'000, 2'000, 4'000, 10'000, 40'000};
  std::vector<std::vector<double>> errors(sizes.size());
  for (int s = 0; s < sketches; ++s) {
    Sketch sketch;
    size_t at = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      for (; at < sizes[i]; ++at) sketch.add(identity_of(std::to_string(s) + "/" + std::to_string(at)));
      errors[i].push_back(sketch.estimate() / static_cast<double>(sizes[i]) - 1);
    }
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    double mean = 0, square = 0;
    size_t beyond = 0;
    for (double error : errors[i])
      mean += error, square += error * error, beyond += std::fabs(error) > 3 * sigma;
    mean /= sketches;
    EXPECT_LT(std::fabs(mean), 3 * sigma / std::sqrt(sketches)) << sizes[i];  // no bias
    EXPECT_LT(std::sqrt(square / sketches), 1.15 * sigma) << sizes[i];        // no more noise than promised
    EXPECT_LE(beyond, 4U) << sizes[i];                                        // 0.3 % of 200, with luck
  }
}

TEST(Sketch, HugeNumbersKeepTheirScale) {
  Sketch sketch;
  std::mt19937_64 random(3);
  for (int i = 0; i < 2'000'000; ++i) sketch.add(random());
  EXPECT_NEAR(sketch.estimate() / 2e6, 1, 3 * 1.04 / std::sqrt(2048));
}

}  // namespace
