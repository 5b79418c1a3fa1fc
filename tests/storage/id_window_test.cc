// The dedup window: what time does to the index, while it runs, over restarts, and when the clock is set.
#include <gtest/gtest.h>

#include <random>

#include "tests/storage/id_index_support.h"

namespace headrace {
namespace {

using namespace id_tests;

constexpr Micros window = 1024 * second_us;  // marks stand a second apart

TEST(IdWindow, ForgetsWhatIsOlderNeverEarlierAndHardlyLater) {
  std::mt19937_64 random(3);
  IdWindow known(window);
  std::vector<Micros> times{0};
  Micros now = 1'000'000 * second_us;
  for (int i = 0; i < 200'000; ++i) {
    now += random() % 100 == 0 ? static_cast<Micros>(random() % 600) * second_us
                               : static_cast<Micros>(random() % 50'000);
    if (random() % 3 > 0) {
      times.push_back(now);
      known.note(now, times.size() - 1);
    }
    const uint64_t first = known.first_lsn(now);
    ASSERT_TRUE(first == 1 || now - times[first - 1] > window) << "too early";
    ASSERT_TRUE(first == times.size() || now - times[first] <= window + window / 1024) << "too late";
  }
  EXPECT_LE(known.marks().size(), limits::id_window_marks + 2);
}

TEST(IdWindow, OfLengthZeroKeepsAll) {
  IdWindow known(0);
  known.note(1, 1);
  EXPECT_EQ(known.first_lsn(INT64_MAX), 1u);
  EXPECT_TRUE(known.marks().empty());
}

// Nobody can tell when they really came; but they go when a window has passed since.
TEST(IdWindow, AClockSetBackKeepsNothingForGood) {
  const Micros wrong = 400 * day_us, right = 10 * day_us;
  IdWindow known(window);
  for (uint64_t lsn = 1; lsn <= 100; ++lsn) known.note(wrong + static_cast<Micros>(lsn) * 5 * second_us, lsn);
  known.note(right, 101);
  EXPECT_EQ(known.first_lsn(right + window), 1u);
  EXPECT_EQ(known.first_lsn(right + window + 1), 102u);
  for (uint64_t lsn = 102; lsn <= 5000; ++lsn) known.note(right + static_cast<Micros>(lsn) * second_us, lsn);
  EXPECT_GT(known.first_lsn(right + 5000 * second_us), 3900u);
}

TEST(IdWindow, TimesOfTwoLoopsMayCross) {
  IdWindow known(window);
  for (uint64_t lsn = 1; lsn <= 10'000; ++lsn)
    known.note(hour_us + static_cast<Micros>(lsn) * 1'000 - (lsn % 2 ? 700 : 0), lsn);
  EXPECT_LE(known.marks().size(), 12u);
}

// The index with a clock that is moved by hand.
class IdIndexWindow : public testing::Test {
 protected:
  void reopen(uint64_t log_end = UINT64_MAX) {
    index_.reset();
    index_ = open({.dir = dir_.path(), .memory_entries = 256, .window_us = window}, log_end);
    index_->forget_older(now_);
  }
  // `count` new ids, one every ten milliseconds.
  void take_in(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      now_ += 10'000;
      ++lsn_;
      ASSERT_FALSE(index_->find(nth(lsn_)));
      index_->add(nth(lsn_), lsn_, now_);
    }
  }
  void pass(Micros time) {
    now_ += time;
    index_->forget_older(now_);
  }
  void expect_known(uint64_t from, uint64_t to) {
    for (uint64_t lsn = 1; lsn < from; ++lsn) ASSERT_FALSE(index_->find(nth(lsn))) << lsn;
    expect_range(*index_, from, to);
  }

  TemporaryDirectory dir_;
  Micros now_ = 1'000 * day_us;
  uint64_t lsn_ = 0;
  std::unique_ptr<IdIndex> index_;
};

TEST_F(IdIndexWindow, AnIdThatIsTooOldIsNewAgain) {
  reopen();
  take_in(100);
  pass(window - 2 * second_us);
  expect_known(1, 100);
  pass(3 * second_us + second_us);
  expect_known(101, 100);
  index_->add(nth(7), 101, now_);
  EXPECT_EQ(index_->find(nth(7)), 101u);
  pass(window);
  EXPECT_EQ(index_->find(nth(7)), 101u);
  pass(2 * second_us);
  EXPECT_FALSE(index_->find(nth(7)));
}

TEST_F(IdIndexWindow, RunsThatAreTooOldGoAndTheirMemoryToo) {
  reopen();
  take_in(20'000);  // 200 s
  ASSERT_TRUE(index_->flush().ok());
  const auto full = index_->stats();
  EXPECT_GT(full.runs, 0u);
  pass(window / 2);
  take_in(1'000);
  ASSERT_TRUE(index_->flush().ok());
  EXPECT_GT(index_->stats().filter_bytes, full.filter_bytes);
  pass(window / 2);
  expect_known(20'001, 21'000);
  EXPECT_TRUE(eventually(*index_, [](const auto& stats) { return stats.entries < 6'000; }));
  EXPECT_LT(index_->stats().filter_bytes, full.filter_bytes / 2);
  EXPECT_EQ(index_->stats().window_shrinks, 0u) << "time, not memory";
  pass(window);
  EXPECT_TRUE(eventually(*index_, [](const auto& stats) { return stats.runs == 0; }));
  EXPECT_TRUE(files_of(dir_.path(), ".run").empty());
}

TEST_F(IdIndexWindow, HoldsOverACleanRestart) {
  reopen();
  take_in(5'000);  // 50 s
  pass(100 * second_us);
  take_in(5'000);
  ASSERT_TRUE(index_->flush().ok());
  reopen(lsn_);
  EXPECT_EQ(index_->covered(), lsn_);
  expect_known(1, 10'000);
  pass(window - 120 * second_us);  // the first half is 30 to 80 s too old by now, the second not at all
  expect_known(5'001, 10'000);
  reopen(lsn_);
  expect_known(5'001, 10'000);
  now_ += window;  // passes while the server is down
  reopen(lsn_);
  expect_known(10'001, 10'000);
}

TEST_F(IdIndexWindow, HoldsOverACrash) {
  reopen();
  take_in(1'000);
  pass(100 * second_us);
  const Micros gap_ended = now_;
  take_in(1'000);
  ASSERT_TRUE(index_->flush().ok());
  take_in(100);  // in memory only, and lost
  const uint64_t all = lsn_;
  reopen(all);
  EXPECT_EQ(index_->covered(), 2'000u);
  for (uint64_t lsn = 2'001; lsn <= all; ++lsn)  // from the log
    index_->add(nth(lsn), lsn, gap_ended + static_cast<Micros>(lsn - 1'000) * 10'000);
  expect_known(1, all);
  pass(window - 80 * second_us);
  expect_known(1'001, all);
  pass(100 * second_us);
  expect_known(all + 1, all);
}

TEST_F(IdIndexWindow, HoldsWhenTheLogHasLostItsEnd) {
  reopen();
  take_in(1'000);
  ASSERT_TRUE(index_->flush().ok());
  reopen(950);
  expect_known(1, 950);
  pass(window + 2 * second_us);
  expect_known(951, 950);
}

// Without FLOOR it is not known when the ids of runs came; they go one window after the next record at the
// latest.
TEST_F(IdIndexWindow, ALostFloorForgetsNothingTooEarlyAndAllInTheEnd) {
  reopen();
  take_in(1'000);
  ASSERT_TRUE(index_->flush().ok());
  index_.reset();
  fs::remove(dir_.path() + "/FLOOR");
  reopen(lsn_);
  pass(window / 2);
  take_in(1);
  pass(window - second_us);
  expect_known(1, lsn_);
  pass(3 * second_us);
  expect_known(lsn_ + 1, lsn_);
}

// An event that came again after its id was forgotten stands in the log twice; the later one counts.
TEST_F(IdIndexWindow, WhatStandsInTheLogTwiceIsKnownByTheLater) {
  for (const uint64_t between : {0, 1'000}) {
    TemporaryDirectory dir;
    auto index = open({.dir = dir.path(), .memory_entries = 256, .window_us = window});
    const Micros began = day_us, again = began + window + 10 * second_us;
    index->add(nth(1), 1, began);
    for (uint64_t lsn = 2; lsn < between + 2; ++lsn) index->add(nth(lsn), lsn, began);
    index->add(nth(1), between + 2, again);
    index->forget_older(again);
    EXPECT_EQ(index->find(nth(1)), between + 2);
    EXPECT_FALSE(index->find(nth(2)) && between > 0);
  }
}

}  // namespace
}  // namespace headrace
