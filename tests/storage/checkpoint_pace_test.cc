// A checkpoint stays out of the way: its owner is held for short steps only, the disk for small pieces.
#include <algorithm>

#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

constexpr Micros tick_us = 20;

// Every look at it takes time, so that a test knows how long work takes.
struct TickingClock final : Clock {
  Micros wall() override { return now += tick_us; }
  Micros monotonic() override { return now += tick_us; }
  std::atomic<Micros> now{second_us};
};

void change_rows(Bench& bench, int count) {
  for (int i = 0; i < count; ++i) bench.event("k" + std::to_string(i), payload_of(static_cast<Lsn>(i)));
  bench.settle();
}

TEST(CheckpointPace, RowsGoBehindInShortStepsWithPauses) {
  ScratchDirectory scratch;
  TickingClock clock;
  Bench bench(scratch.path());
  bench.options.clock = &clock;
  bench.options.checkpoint_age_us = minute_us;
  bench.open();
  change_rows(bench, 2000);
  clock.now += minute_us;

  constexpr uint64_t rows_max = limits::rows_behind_step * (limits::checkpoint_step_us / tick_us + 1);
  uint64_t written = bench.partition->counters().rows_written_behind;
  ASSERT_EQ(written, 0u);
  int steps = 0;
  for (Micros before = 0; written < 2000;) {
    ASSERT_LT(++steps, 100'000);
    bench.partition->pump();
    uint64_t now_written = bench.partition->counters().rows_written_behind;
    if (now_written == written) continue;
    ASSERT_LE(now_written - written, rows_max);
    if (before != 0) {
      EXPECT_GE(clock.now - before, limits::checkpoint_pause * limits::checkpoint_step_us);
    }
    before = clock.now;
    written = now_written;
  }
  EXPECT_GE(steps, static_cast<int>(2000 / rows_max));
}

TEST(CheckpointPace, TheStateIsWrittenBackInPiecesBeforeItsSync) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  std::mutex mutex;
  std::string calls;  // on the state's file
  disk.set_rule([&](std::string_view what, const std::string& path) -> Result<> {
    std::lock_guard lock(mutex);
    if (path.ends_with("data.mdb") && (what == "write_back" || what == "sync")) calls += what == "sync" ? 's' : 'w';
    return Done{};
  });
  Bench bench(scratch.path(), &disk);
  bench.open();
  change_rows(bench, 3000);
  bench.close();
  auto size = system_disk().open(bench.options.place.state() + "/data.mdb", OpenMode::read);
  ASSERT_TRUE(size.ok());
  size_t pieces = *(*size)->size() / limits::write_back_bytes + 1;
  EXPECT_GE(std::ranges::count(calls, 'w'), static_cast<long>(pieces));
  EXPECT_TRUE(calls.ends_with("ws")) << calls;
}

TEST(CheckpointPace, AnErrorOfWritingBackIsFinal) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.open();
  disk.set_rule([](std::string_view what, const std::string& path) -> Result<> {
    if (what == "write_back") return Problem(Error::storage_io, path + ": made to fail");
    return Done{};
  });
  change_rows(bench, 100);
  EXPECT_FALSE(bench.partition->close().ok());
  EXPECT_TRUE(bench.failed());
  bench.crash();
  disk.set_rule(nullptr);
  bench.failures.clear();
  bench.open();
  EXPECT_EQ(bench.partition->applied_lsn(), 100u);
}

}  // namespace
}  // namespace headrace::testing_support
