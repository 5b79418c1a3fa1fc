// When the disk fails, fills up or dawdles: no ack after an error, nothing lost, rule R kept.
#include <thread>

#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

// Appends until `count` events are durable or the disk has failed; the last LSN that was acked.
Lsn work(Bench& bench, Lsn count) {
  Lsn acked = bench.partition->durable_lsn();
  for (int i = 0; acked < count && i < 20'000; ++i) {
    Lsn next = bench.partition->applied_lsn() + 1;
    if (next <= count) {
      if (next % 10 == 0) {
        Change change;
        change.put(7, "o" + std::to_string(next % 50), "open|ann");
        (void)bench.partition->commit(change);
      } else {
        (void)bench.partition->append(Kind::event, 1, "k" + std::to_string(next % 40), payload_of(next));
      }
    }
    bench.pump();
    acked = bench.partition->durable_lsn();
    if (bench.failed()) break;
  }
  return acked;
}

// Every n-th write, sync, open, rename of the whole life of a partition fails once, for good.
TEST(FailingDisk, EveryOperationInTurn) {
  int stopped = 0;
  for (int n = 1; n < 400; n += n < 60 ? 1 : 7) {
    SCOPED_TRACE(n);
    ScratchDirectory scratch;
    StrangeDisk disk;
    disk.skip_syncs = true;
    Bench bench(scratch.path(), &disk);
    bench.options.segment_bytes = 16 * 1024;
    disk.fail_at(n);
    Lsn acked = 0;
    if (bench.try_open().ok()) {
      acked = work(bench, 300);
      ::usleep(300);
      Lsn after = bench.partition->durable_lsn();
      if (bench.failed()) {
        ++stopped;
        auto refused = bench.partition->append(Kind::event, 1, "k", "late");
        EXPECT_FALSE(refused.ok());
        for (int i = 0; i < 50; ++i) bench.pump();
        EXPECT_LE(bench.partition->durable_lsn(), after + 300);
        EXPECT_FALSE(bench.partition->close().ok());
      }
      acked = std::max(acked, bench.partition->durable_lsn());
    } else {
      ++stopped;
    }
    bench.crash();
    disk.set_rule(nullptr);
    bench.failures.clear();
    bench.open();
    ASSERT_GE(bench.partition->applied_lsn(), acked);
    Digest live = bench.digest();
    EXPECT_EQ(bench.rebuilt(), live);
    auto payloads = read_payloads(bench.options.place);
    for (Lsn lsn = 1; lsn <= payloads.size(); ++lsn) {
      if (lsn % 10 == 0) continue;
      ASSERT_EQ(payloads[lsn - 1], payload_of(lsn));
    }
  }
  EXPECT_GT(stopped, 15);  // a life has about 30 operations, fewer where more records share a sync
}

TEST(FailingDisk, NoAckAfterAFailedSync) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.open();
  bench.event("k", payload_of(1));
  bench.settle();
  disk.set_rule([](std::string_view what, const std::string& path) -> Result<> {
    if (what == "sync" && path.ends_with(".seg"))
      return Problem(Error::storage_io, "fdatasync: made to fail");
    return Done{};
  });
  bench.event("k", payload_of(2));
  for (int i = 0; i < 2000 && !bench.failed(); ++i) {
    bench.pump();
    ::usleep(100);
  }
  ASSERT_EQ(bench.failures.size(), 1u);
  disk.set_rule(nullptr);  // a retry would now succeed, and lie
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(bench.partition->writable());
    bench.pump();
    ::usleep(100);
  }
  EXPECT_EQ(bench.partition->durable_lsn(), 1u);
  EXPECT_EQ(bench.partition->durable_lsn_any_thread(), 1u);
}

TEST(FailingDisk, WithoutAHookTheProcessEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ScratchDirectory scratch;
        StrangeDisk disk;
        Bench bench(scratch.path(), &disk);
        bench.options.fail_stop = nullptr;
        bench.open();
        disk.fail_at(1);
        bench.event("k", "v");
        bench.settle();
      },
      ::testing::ExitedWithCode(70), "storage failed, stopping");
}

TEST(RuleR, NothingIsCommittedWhileACheckpointIsBeingMadeDurable) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.options.checkpoint_age_us = 0;
  bench.open();
  bench.put("o1", "open|ann");
  bench.settle();
  disk.hold("sync", "data.mdb");
  bench.event("k", payload_of(2));
  while (disk.waiting() == 0) {
    bench.pump();
    ::usleep(100);
  }
  auto data = [&] { return slurp(bench.options.place.state() + "/data.mdb"); };
  std::string during = data();
  uint64_t checkpoints = bench.partition->counters().checkpoints;
  for (int i = 0; i < 300; ++i) {
    bench.event("k" + std::to_string(i), payload_of(static_cast<Lsn>(i)));
    bench.put("o" + std::to_string(i), "paid|bob");
    bench.pump();
  }
  bench.settle();  // the log goes on
  EXPECT_EQ(bench.partition->counters().checkpoints, checkpoints);
  EXPECT_TRUE(data() == during) << "a page reached the file";
  disk.release();
  for (int i = 0; i < 5000 && bench.partition->counters().checkpoints < checkpoints + 2; ++i) {
    bench.pump();
    ::usleep(200);
  }
  EXPECT_GE(bench.partition->counters().checkpoints, checkpoints + 2);
  EXPECT_FALSE(data() == during);
}

TEST(RuleR, TheStateIsNeverAheadOfTheDurableLog) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.options.checkpoint_age_us = 0;
  bench.open();
  bench.put("o1", "open|ann");
  bench.settle();
  bench.digest();
  disk.hold("sync", ".seg");
  bench.put("o2", "open|bob");
  bench.event("k", "x");
  bench.pump();
  while (disk.waiting() == 0) ::usleep(100);
  std::string before = slurp(bench.options.place.state() + "/data.mdb");
  uint64_t checkpoints = bench.partition->counters().checkpoints;
  Micros start = system_clock().monotonic();
  for (int i = 0; i < 100; ++i) {  // long enough to wait for the log a few times, in vain
    bench.pump();
    ::usleep(2000);
  }
  EXPECT_LT(system_clock().monotonic() - start, 5 * second_us);
  EXPECT_EQ(bench.partition->counters().checkpoints, checkpoints);
  EXPECT_TRUE(slurp(bench.options.place.state() + "/data.mdb") == before);
  disk.release();
  bench.settle();
}

TEST(RuleR, DocumentsThatNeverRestDoNotStarveTheCheckpoint) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.checkpoint_age_us = 0;
  bench.open();
  Micros start = system_clock().monotonic();
  for (uint64_t i = 1; bench.partition->counters().checkpoints == 0; ++i) {
    ASSERT_LT(system_clock().monotonic() - start, 20 * second_us);
    for (const char* name : {"o", "p"}) {
      if (bench.partition->writable()) bench.put(name + std::to_string(i % 100), "open|" + std::to_string(i));
      if (*name == 'o') bench.pump();
    }
  }
  EXPECT_GE(bench.partition->counters().checkpoints, 1u);
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST(FullDisk, RefusesWritesButErasesAndComesBack) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.options.free_bytes_min = 1;
  bench.open();
  bench.put("o1", "open|ann");
  bench.settle();
  disk.free_bytes = 0;
  for (int i = 0; i < 3000 && bench.partition->writable(); ++i) ::usleep(1000);
  EXPECT_EQ(bench.partition->refusal(), Refusal::storage_full);
  auto refused = bench.partition->append(Kind::event, 1, "k", "v");
  EXPECT_EQ(refused.problem().error, Error::storage_full);
  EXPECT_TRUE(bench.partition->append(Kind::fold, 1, "k", "of an event that was taken in elsewhere").ok());
  Change erasure;
  erasure.erase(7, "o1");
  EXPECT_TRUE(bench.partition->commit(erasure).ok());
  EXPECT_EQ(bench.partition->documents().find(7, "o1"), std::nullopt);
  disk.free_bytes = UINT64_MAX - 1;
  for (int i = 0; i < 3000 && !bench.partition->writable(); ++i) ::usleep(1000);
  EXPECT_TRUE(bench.partition->writable());
}

TEST(FullDisk, IsNoticedWhileCheckpointsFollowEachOther) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  disk.skip_syncs = true;
  Bench bench(scratch.path(), &disk);
  bench.options.free_bytes_min = 1;
  bench.options.checkpoint_age_us = 0;
  bench.open();
  disk.free_bytes = 0;
  Micros began = system_clock().monotonic();
  for (int i = 0; bench.partition->writable() && system_clock().monotonic() - began < 5 * second_us; ++i) {
    (void)bench.partition->append(Kind::event, 1, "k" + std::to_string(i % 100), "v");
    bench.settle();
  }
  EXPECT_GT(bench.partition->counters().checkpoints, 10u);
  EXPECT_FALSE(bench.partition->writable());
}

}  // namespace
}  // namespace headrace::testing_support
