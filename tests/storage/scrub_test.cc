// The scrub: sealed segments and values of the state are read again; what is damaged is named, and forgotten
// once it is whole.
#include <thread>

#include "storage/log_scrub.h"
#include "storage/segment_rewriter.h"
#include "storage/state_loan.h"
#include "storage/state_scrub.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

class TestClock : public Clock {
 public:
  Micros wall() override { return now; }
  Micros monotonic() override { return now; }
  Micros now = hour_us;
};

class Scrubbing : public ::testing::Test {
 protected:
  Scrubbing() {
    disk.skip_syncs = true;
    bench.options.segment_bytes = 8192;
    bench.options.checkpoint_age_us = 0;
    bench.open();
    for (Lsn lsn = 1; lsn <= 400; ++lsn) {
      bench.event("k" + std::to_string(lsn % 50), payload_of(lsn));
      if (lsn % 10 == 0) bench.put("o" + std::to_string(lsn), "paid|bob"), bench.settle();
    }
    bench.settle();
  }
  ScrubOptions options() {
    return {.place = bench.options.place,
            .period_us = hour_us,
            .clock = &clock,
            .disk = &disk,
            .found = [this](const Problem& problem) { found.push_back(problem.text()); }};
  }
  // One pass, however slowly its segments come due.
  void pass(LogScrub& scrub) {
    const uint64_t passes = scrub.stats().passes;
    for (int i = 0; scrub.stats().passes == passes; ++i) {
      ASSERT_LT(i, 10'000);
      if (!scrub.step([] { return true; })) clock.now += minute_us;
    }
  }
  bool damage(std::string_view text);
  void rewrite(uint32_t segment) {
    ASSERT_TRUE(
        rewrite_segment({.place = bench.options.place, .clock = &clock, .disk = &disk, .frame_bytes = 2048},
                        segment, [](RecordView&) { return true; })
            .ok());
  }
  // The owner works on while the other thread borrows.
  void state_step(StateScrub& scrub) {
    std::atomic<bool> done = false;
    std::thread keeper([&] { scrub.step(), done = true; });
    while (!done) bench.partition->pump(), bench.partition->synced(), std::this_thread::yield();
    keeper.join();
  }

  ScratchDirectory scratch;
  StrangeDisk disk;
  TestClock clock;
  std::vector<std::string> found;
  Bench bench{scratch.path(), &disk};
};

TEST_F(Scrubbing, APassReadsEverySealedSegmentSpreadOverThePeriod) {
  LogScrub scrub(options());
  const size_t sealed = list_segments(disk, bench.options.place)->size() - 1;
  ASSERT_GE(sealed, 3u);
  EXPECT_TRUE(scrub.step([] { return true; }));
  EXPECT_FALSE(scrub.step([] { return true; })) << "the second one is not due yet";
  clock.now += hour_us / 2;
  size_t at_half = 1;
  while (scrub.step([] { return true; })) ++at_half;
  EXPECT_GT(at_half, 1u);
  EXPECT_LT(at_half, sealed);
  pass(scrub);
  EXPECT_EQ(scrub.stats().segments, sealed);
  EXPECT_GT(scrub.stats().bytes, sealed * 4096);
  EXPECT_GT(scrub.stats().pass_ended, scrub.stats().pass_begun);
  EXPECT_EQ(scrub.stats().damaged_places(), 0u);
  EXPECT_TRUE(found.empty());
}

TEST_F(Scrubbing, DamageIsCountedByKindAndForgottenWhenItIsWhole) {
  rewrite(1), rewrite(2);
  LogScrub scrub(options());
  pass(scrub);
  ASSERT_EQ(scrub.stats().damaged_places(), 0u);
  const std::string raw = slurp(bench.segment(3)), indexed = slurp(bench.segment(1));
  flip(bench.segment(3), segment_header_bytes + 70);
  flip(bench.segment(1), indexed.size() - 5);
  pass(scrub);
  EXPECT_EQ(scrub.stats().damaged[static_cast<size_t>(Damage::records)], 1u);
  EXPECT_EQ(scrub.stats().damaged[static_cast<size_t>(Damage::index)], 1u);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[1].find("0000000003.seg"), std::string::npos);
  EXPECT_NE(found[1].find("byte 4096"), std::string::npos);
  EXPECT_NE(found[1].find("LSN "), std::string::npos);
  spill(bench.segment(3), raw), spill(bench.segment(1), indexed);
  pass(scrub);
  EXPECT_EQ(scrub.stats().damaged_places(), 0u);
}

TEST_F(Scrubbing, WhatIsGivenUpIsNoFinding) {
  flip(bench.segment(1), 7000);  // behind the first batch
  LogScrub scrub(options());
  EXPECT_TRUE(scrub.step([] { return false; }));
  EXPECT_EQ(scrub.stats().segments, 0u);
  EXPECT_TRUE(found.empty());
}

// Gives every copy of `text` in any page another first letter, in place: the map shows it. False where there is none.
bool Scrubbing::damage(std::string_view text) {
  std::string path = bench.options.place.state() + "/data.mdb", bytes = slurp(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  bool changed = false;
  for (size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put('P');
    changed = true;
  }
  return changed;
}

TEST_F(Scrubbing, ValuesOfTheStateAreReadWhileTheOwnerWorks) {
  StateScrub scrub({.loan = [this] { return &bench.partition->loan(); },
                    .period_us = 1,
                    .clock = &clock,
                    .found = [this](const Problem& problem) { found.push_back(problem.text()); }});
  clock.now += minute_us;
  state_step(scrub);
  EXPECT_EQ(scrub.stats().passes, 1u);
  EXPECT_FALSE(scrub.stats().damaged) << found.front();
  EXPECT_GT(scrub.stats().values, 0u);  // of the 90, as the last checkpoint has them
  // A checkpoint under way may hold whole copies of the pages; then those on the disk are no longer read.
  for (int i = 0; i < 100 && !scrub.stats().damaged; ++i) {
    ASSERT_TRUE(damage("paid|bob") || i > 0);
    clock.now += hour_us;
    state_step(scrub);
  }
  EXPECT_GE(scrub.stats().passes, 2u);
  EXPECT_TRUE(scrub.stats().damaged);
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.front().find("checksum"), std::string::npos);
  EXPECT_FALSE(bench.failed()) << "what is well goes on";
}

}  // namespace
}  // namespace headrace::testing_support
