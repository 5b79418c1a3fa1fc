// A partition from the outside: append, ack, close, crash, replay, and one digest for all of them.
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

TEST(Partition, AppendsBecomeDurableAndReadable) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  for (Lsn lsn = 1; lsn <= 100; ++lsn)
    EXPECT_EQ(bench.event("k" + std::to_string(lsn % 7), payload_of(lsn)), lsn);
  EXPECT_EQ(bench.partition->applied_lsn(), 100u);
  bench.settle();
  EXPECT_EQ(bench.partition->durable_lsn(), 100u);
  EXPECT_EQ(bench.partition->durable_lsn_any_thread(), 100u);
  auto payloads = read_payloads(bench.options.place, 1, 100);
  ASSERT_EQ(payloads.size(), 100u);
  for (Lsn lsn = 1; lsn <= 100; ++lsn) EXPECT_EQ(payloads[lsn - 1], payload_of(lsn));
  EXPECT_EQ(tally_of(bench.partition->rows().find(1, "k3")), 14u);
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), 100u);
  EXPECT_EQ(bench.partition->rows().find(1, "nobody"), nullptr);
}

TEST(Partition, CloseLeavesNothingToReplay) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  for (Lsn lsn = 1; lsn <= 5000; ++lsn) bench.event("k" + std::to_string(lsn % 999), payload_of(lsn));
  bench.put("o1", "open|ann");
  Digest before = bench.digest();
  bench.close();
  bench.open();
  EXPECT_EQ(bench.partition->recovery().records_replayed, 0u);
  EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
  EXPECT_EQ(bench.partition->applied_lsn(), 5001u);
  EXPECT_TRUE(bench.fold->replayed.empty());
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), 5000u);
  EXPECT_EQ(bench.partition->documents().find(7, "o1"), "open|ann");
  EXPECT_EQ(bench.digest(), before);
  EXPECT_EQ(bench.rebuilt(), before);
}

TEST(Partition, CrashBeforeAnyCheckpointReplaysAll) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.checkpoint_age_us = hour_us;
  bench.open();
  for (Lsn lsn = 1; lsn <= 500; ++lsn) bench.event("k" + std::to_string(lsn % 9), payload_of(lsn));
  bench.put("o1", "open|ann");
  bench.settle();
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.partition->recovery().records_replayed, 501u);
  EXPECT_EQ(bench.fold->replayed.size(), 500u);
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), 500u);
  EXPECT_EQ(bench.partition->documents().find(7, "o1"), "open|ann");
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST(Partition, WhatWasNotHandedOverIsLostWhole) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  bench.event("k", "one");
  bench.settle();
  bench.event("k", "two");  // never pumped
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.partition->applied_lsn(), 1u);
  EXPECT_EQ(tally_of(bench.partition->rows().find(1, "k")), 1u);
  EXPECT_EQ(bench.event("k", "again"), 2u);
  bench.settle();
  EXPECT_EQ(read_payloads(bench.options.place), (std::vector<std::string>{"one", "again"}));
}

TEST(Partition, AChangeIsOneBatch) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  Change change;
  change.put(7, "a", "open|ann");
  change.put(7, "b", "open|bob");
  change.erase(7, "a");
  change.emit(Kind::event, 1, "ann", "ordered");
  auto lsn = bench.partition->commit(change);
  ASSERT_TRUE(lsn.ok());
  EXPECT_EQ(*lsn, 4u);
  EXPECT_EQ(bench.partition->documents().find(7, "a"), std::nullopt);
  EXPECT_EQ(bench.partition->documents().find(7, "b"), "open|bob");
  EXPECT_EQ(tally_of(bench.partition->rows().find(1, "ann")), 1u);
  bench.settle();
  EXPECT_EQ(bench.partition->counters().batches, 1u);
  EXPECT_EQ(*bench.partition->commit(Change{}), 4u);
}

TEST(Partition, CallerMayFoldTheLiveEventItself) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  auto lsn = bench.partition->append_at(123, Kind::event, 2, "k", "mine", false);
  ASSERT_TRUE(lsn.ok());
  EXPECT_EQ(bench.partition->rows().find(1, "k"), nullptr);
  bench.fold->apply({*lsn, Kind::event, 2, 123, "k", "mine"}, bench.partition->rows(), false);
  Digest live = bench.digest();
  EXPECT_EQ(bench.rebuilt(), live);
}

TEST(Partition, RefusesWhatIsTooLarge) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  std::string big(limits::record_bytes_max, 'x');
  auto refused = bench.partition->append(Kind::event, 1, "k", big);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.problem().error, Error::body_too_large);
  Change change;
  change.put(7, std::string(limits::key_bytes_max + 1, 'k'), "v");
  EXPECT_EQ(bench.partition->commit(change).problem().error, Error::invalid_input);
  EXPECT_EQ(bench.partition->applied_lsn(), 0u);
}

TEST(Partition, RefusesWhenTheOpenBatchIsFull) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench(scratch.path(), &disk);
  bench.open();
  disk.hold("sync", ".seg");
  std::string chunk(limits::record_bytes_max / 2, 'x');
  bool overloaded = false;
  for (int i = 0; i < 64 && !overloaded; ++i) {
    Change change;
    for (int j = 0; j < 9; ++j) change.put(9, "k" + std::to_string(j), chunk);
    auto done = bench.partition->commit(change);
    overloaded = !done.ok() && done.problem().error == Error::overloaded;
  }
  EXPECT_TRUE(overloaded);
  disk.release();
  bench.settle();
  EXPECT_TRUE(bench.partition->writable());
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST(Partition, NewDefinitionsFoldEverythingAnew) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  for (Lsn lsn = 1; lsn <= 3000; ++lsn) bench.event("k" + std::to_string(lsn % 50), payload_of(lsn));
  bench.put("o1", "open|ann");
  bench.close();
  bench.fold = std::make_unique<TallyFold>(3);
  bench.open();
  EXPECT_TRUE(bench.partition->recovery().rows_refolded);
  EXPECT_EQ(bench.fold->refolded, 3000u);
  EXPECT_TRUE(bench.fold->replayed.empty());  // nothing was waiting for an acknowledgement
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), 9000u);
  EXPECT_EQ(bench.partition->documents().find(7, "o1"), "open|ann");
  EXPECT_EQ(bench.digest(), bench.rebuilt());
  bench.close();
  bench.fold = std::make_unique<TallyFold>(3);
  bench.open();
  EXPECT_EQ(bench.partition->recovery().records_replayed, 0u);
}

TEST(Partition, HeldRecordsAreReplayed) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  for (Lsn lsn = 1; lsn <= 2000; ++lsn) {
    bench.event("k" + std::to_string(lsn % 50), payload_of(lsn));
    if (lsn == 1500) bench.partition->hold(1500);  // before a checkpoint can be behind it
    bench.settle();
    if (lsn % 400 == 0) bench.digest();  // checkpoints
  }
  bench.close();
  bench.open();
  ASSERT_FALSE(bench.fold->replayed.empty());
  EXPECT_EQ(bench.fold->replayed.front(), 1500u);
  EXPECT_EQ(bench.fold->replayed.size(), 501u);
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), 2000u);  // seen records are skipped
  EXPECT_EQ(bench.digest(), bench.rebuilt());
  bench.close();
  bench.fold->replayed.clear();
  bench.open();
  EXPECT_TRUE(bench.fold->replayed.empty());
}

TEST(Partition, EvictedRowsComeBack) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.row_bytes_max = 64 * 1024;
  bench.open();
  for (Lsn lsn = 1; lsn <= 20'000; ++lsn) {
    while (!bench.partition->writable()) bench.pump();
    bench.event("k" + std::to_string(lsn % 5000), payload_of(lsn));
    if (lsn % 100 == 0) bench.pump();
  }
  bench.settle();
  for (int i = 0; i < 2000 && bench.partition->rows().bytes() > 64 * 1024; ++i) {
    bench.pump();
    ::usleep(1000);
  }
  EXPECT_LE(bench.partition->rows().bytes(), 64u * 1024);
  EXPECT_GT(bench.partition->rows().evictions(), 1000u);
  EXPECT_GT(bench.partition->rows().loads(), 100u);
  for (int key = 0; key < 5000; ++key) {
    ASSERT_EQ(tally_of(bench.partition->rows().find(1, "k" + std::to_string(key))), 4u);
  }
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

// Random work with random crashes and closes: live, replayed and rebuilt states are one.
class RandomWork : public ::testing::TestWithParam<int> {};

TEST_P(RandomWork, OneDigest) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.segment_bytes = 32 * 1024 << (random() % 4);
  bench.options.row_bytes_max = random() % 2 ? 20'000 : limits::row_bytes_max;
  bench.open();
  bool checkpointed = false;
  for (int round = 0; round < 12; ++round) {
    for (uint64_t i = random() % 700; i > 0; --i) {
      std::string key = "k" + std::to_string(random() % 300);
      while (!bench.partition->writable()) bench.pump();
      switch (random() % 8) {
        case 0:
          bench.put(key, (random() % 2 ? "open|" : "paid|") + std::to_string(random() % 20));
          break;
        case 1: {
          Change change;
          change.erase(7, key);
          change.emit(Kind::event, 1, key, payload_of(i, random()));
          ASSERT_TRUE(bench.partition->commit(change).ok());
          break;
        }
        case 2:
          bench.event(key, "forget");
          break;
        default:
          bench.event(key, payload_of(i, random()));
      }
      if (random() % 5 == 0) bench.pump();
    }
    Lsn promised = bench.partition->durable_lsn();
    checkpointed = checkpointed || bench.partition->counters().checkpoints > 0;
    switch (random() % 4) {
      case 0:
        bench.close();
        break;
      case 1:
        bench.settle();
        promised = bench.partition->applied_lsn();
        bench.crash();
        break;
      case 2:
        bench.crash();
        break;
      default: {
        Digest live = bench.digest();
        EXPECT_EQ(bench.rebuilt(), live);
        bench.crash();
      }
    }
    bench.open();
    ASSERT_GE(bench.partition->applied_lsn(), promised);
    if (checkpointed) {
      EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
    }
  }
  Digest live = bench.digest();
  EXPECT_EQ(bench.rebuilt(), live);
  EXPECT_TRUE(bench.failures.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWork, ::testing::Range(0, 24));

}  // namespace
}  // namespace headrace::testing_support
