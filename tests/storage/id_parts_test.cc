// The parts of the dedup index: filter, memory table, choice of merges.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "storage/id_filter.h"
#include "storage/id_merge.h"
#include "storage/id_table.h"

namespace headrace {
namespace {

IdHash random_hash(std::mt19937_64& random) { return storable({random(), random()}); }

// Share of absent ids that a filter of `lines` for `ids` ids lets pass.
double false_positive_rate(uint64_t ids, uint64_t lines) {
  std::mt19937_64 random(1);
  IdFilter filter(lines);
  const auto may_hold = [&](const IdHash& id) {
    return IdFilterBits(id).may_be_in(filter.lines()[scale_to(id.high, filter.line_count())]);
  };
  std::vector<IdHash> in(ids);
  for (auto& id : in) filter.add(id = random_hash(random));
  for (const auto& id : in) EXPECT_TRUE(may_hold(id));
  int passed = 0;
  constexpr int tries = 200'000;
  for (int i = 0; i < tries; ++i) passed += may_hold(random_hash(random));
  return static_cast<double>(passed) / tries;
}

TEST(IdFilter, LetsPassWhatItHoldsAndLittleElse) {
  constexpr uint64_t ids = 100'000;
  EXPECT_LT(false_positive_rate(ids, ids * IdFilter::bits_per_id / 512), 0.007);
  EXPECT_LT(false_positive_rate(ids, ids * IdFilter::bits_per_id_small / 512), 0.002);
  EXPECT_LT(false_positive_rate(ids, ids * IdFilter::bits_per_id_fresh / 512), 0.0002);
  EXPECT_GT(false_positive_rate(ids, ids * 4 / 512), 0.02);  // the measurement itself can fail
}

TEST(IdTable, ComesOutSorted) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 50; ++round) {
    IdTable table(512);
    // Few high halves in some rounds, and many at the very top, so that buckets overflow and wrap.
    const uint64_t mask = round % 3 == 0 ? 0xff00'0000'0000'0000 : ~uint64_t{0};
    const uint64_t top = round % 2 == 0 ? 0xfff0'0000'0000'0000 : 0;
    while (!table.full()) {
      IdHash id = random_hash(random);
      id.high = (id.high & mask) | top | 1;
      table.insert(id, table.count() + 1);
      ASSERT_EQ(table.find(id), table.count());
    }
    const auto entries = table.sorted();
    ASSERT_EQ(entries.size(), table.count());
    for (size_t i = 1; i < entries.size(); ++i) ASSERT_LT(entries[i - 1].hash, entries[i].hash);
    for (const auto& entry : entries) ASSERT_EQ(table.doubled()->find(entry.hash), entry.lsn);
    table.clear();
    for (const auto& entry : entries) ASSERT_EQ(table.find(entry.hash), 0u);
  }
}

TEST(IdMerge, ChoosesNeighboursThatArePast) {
  using Sizes = std::vector<uint64_t>;
  const auto choose = [](const Sizes& sizes, uint64_t ids_max) {
    const auto window = choose_merge(sizes, 3, ids_max);
    return window ? std::pair(window->first, window->count) : std::pair<size_t, size_t>(0, 0);
  };
  EXPECT_EQ(choose({}, 100), (std::pair<size_t, size_t>(0, 0)));
  EXPECT_EQ(choose({1, 1, 1}, 100), (std::pair<size_t, size_t>(0, 0)));
  EXPECT_EQ(choose({1, 1, 1, 1}, 100), (std::pair<size_t, size_t>(0, 4)));
  EXPECT_EQ(choose({4, 1, 1, 1}, 100),
            (std::pair<size_t, size_t>(1, 3)));  // one larger than all newer ones stays
  EXPECT_EQ(choose({3, 1, 1, 1}, 100), (std::pair<size_t, size_t>(0, 4)));
  EXPECT_EQ(choose({64, 8, 4, 2}, 100),
            (std::pair<size_t, size_t>(2, 2)));  // nothing balanced: the cheapest two
  EXPECT_EQ(choose({9, 9, 9, 9}, 20), (std::pair<size_t, size_t>(2, 2)));
  EXPECT_EQ(choose({20, 20, 20, 20}, 20), (std::pair<size_t, size_t>(0, 0)));  // nothing may grow
}

TEST(IdMerge, RewritesLittleAndKeepsRunsFew) {
  std::vector<uint64_t> sizes;
  uint64_t rewritten = 0;
  size_t runs_most = 0;
  constexpr uint64_t spills = 95;  // 50 million ids
  for (uint64_t i = 0; i < spills; ++i) {
    sizes.push_back(1);
    while (const auto window = choose_merge(sizes, 8, 85)) {
      const auto first = sizes.begin() + static_cast<ptrdiff_t>(window->first);
      const auto last = first + static_cast<ptrdiff_t>(window->count);
      const uint64_t merged = std::accumulate(first, last, uint64_t{0});
      rewritten += merged;
      *first = merged;
      sizes.erase(first + 1, last);
    }
    runs_most = std::max(runs_most, sizes.size());
  }
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}), spills);
  EXPECT_LE(runs_most, 8u);
  EXPECT_LT(static_cast<double>(rewritten) / spills, 2.0);
}

}  // namespace
}  // namespace headrace
