// Items in steps: each step sees every item once, in order, a fixed number of items behind the one before it.
#include "src/base/stagger.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace headrace;

struct Item {
  size_t number = 0, steps = 0;
};

// What was finished, in order, of `count` items through `size` places.
template <size_t size>
void expect_all_in_order(size_t count) {
  std::array<Item, size> ring;
  size_t read = 0, finished = 0, ahead_max = 0;
  auto next = [&](Item& item) {
    if (read == count) return false;
    item = {read++, 0};
    return true;
  };
  auto expect = [&](Item& item, size_t step) { ASSERT_EQ(item.steps++, step) << item.number; };
  auto finish = [&](Item& item) {
    ASSERT_EQ(item.number, finished++);
    ASSERT_EQ(item.steps, 4U);
    ahead_max = std::max(ahead_max, read - item.number);
  };
  stagger<4>(ring, next, expect, finish);
  EXPECT_EQ(finished, count);
  EXPECT_EQ(ahead_max, std::min(count, size / 5 * 5));
}

TEST(Stagger, EveryItemTakesEveryStepInOrder) {
  for (size_t count : {0U, 1U, 2U, 4U, 5U, 6U, 31U, 32U, 33U, 1000U}) {
    expect_all_in_order<32>(count);
    expect_all_in_order<7>(count);
    expect_all_in_order<5>(count);
  }
}

TEST(Stagger, IsNotAskedForMoreOnceThereIsNone) {
  std::array<int, 8> ring{};
  int asked = 0;
  stagger<1>(ring, [&](int&) { return ++asked < 4; }, [](int&, size_t) {}, [](int&) {});
  EXPECT_EQ(asked, 4);
}

}  // namespace
