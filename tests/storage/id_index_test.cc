// The dedup index from the outside: what it finds, keeps, forgets, and how it meets damage.
#include <gtest/gtest.h>

#include <random>

#include "tests/storage/id_index_support.h"

namespace headrace {
namespace {

using namespace id_tests;

TEST(IdIndex, FindsWhatWasAddedAndNothingElse) {
  TemporaryDirectory dir;
  auto index = open({.dir = dir.path(), .memory_entries = 1024});
  add_range(*index, 1, 50'000);
  expect_range(*index, 1, 50'000);
  for (uint64_t n = 50'001; n <= 100'000; ++n) ASSERT_FALSE(index->find(nth(n)));
  ASSERT_TRUE(eventually(*index, is_merged));
  const auto stats = index->stats();
  EXPECT_GT(stats.merges, 0u);
  EXPECT_EQ(stats.entries, 50'000u);
}

TEST(IdIndex, IsEmptyAtFirst) {
  TemporaryDirectory dir;
  auto index = open({.dir = dir.path()});
  EXPECT_FALSE(index->find(nth(1)));
  EXPECT_EQ(index->covered(), 0u);
  EXPECT_TRUE(index->flush().ok());
  EXPECT_EQ(index->stats().runs, 0u);
}

TEST(IdIndex, KeepsEverythingOverACleanClose) {
  TemporaryDirectory dir;
  for (uint64_t round = 0; round < 30; ++round) {
    auto index = open({.dir = dir.path(), .memory_entries = 256}, round * 100);
    ASSERT_EQ(index->covered(), round * 100);
    expect_range(*index, 1, round * 100);
    add_range(*index, round * 100 + 1, round * 100 + 100);
    ASSERT_TRUE(index->flush().ok());
    ASSERT_EQ(index->covered(), round * 100 + 100);
  }
}

TEST(IdIndex, SkipsWhatItHasWhenReplayStartsEarly) {
  TemporaryDirectory dir;
  {
    auto index = open({.dir = dir.path(), .memory_entries = 256});
    add_range(*index, 1, 1000);
    ASSERT_TRUE(index->flush().ok());
    add_range(*index, 1001, 1100);
  }
  auto index = open({.dir = dir.path(), .memory_entries = 256}, 1100);
  EXPECT_EQ(index->covered(), 1000u);
  for (uint64_t lsn = 500; lsn <= 1100; ++lsn) index->add(nth(lsn), lsn);
  expect_range(*index, 1, 1100);
  EXPECT_EQ(index->stats().entries, 1100u);
}

TEST(IdIndex, HashesThatAgreeInTheirHighHalfAreTold) {
  TemporaryDirectory dir;
  auto index = open({.dir = dir.path(), .memory_entries = 1024});
  const auto hash = [](uint64_t n) {
    return IdHash{(n % 3) * 0x5555'5555'5555'5555, n};
  };  // high halves 0 too
  for (uint64_t lsn = 1; lsn <= 3000; ++lsn) {
    ASSERT_FALSE(index->find(hash(lsn)));
    index->add(hash(lsn), lsn);
  }
  ASSERT_TRUE(index->flush().ok());
  index = open({.dir = dir.path(), .memory_entries = 1024});
  for (uint64_t lsn = 1; lsn <= 3000; ++lsn) ASSERT_EQ(index->find(hash(lsn)), lsn);
  for (uint64_t n = 3001; n <= 6000; ++n) ASSERT_FALSE(index->find(hash(n)));
}

TEST(IdIndex, ForgetsBeforeTheRetentionAndDeletesWholeRuns) {
  TemporaryDirectory dir;
  {
    auto index = open({.dir = dir.path(), .memory_entries = 256});
    add_range(*index, 1, 4000);
    ASSERT_TRUE(index->flush().ok());
    index->forget_before(3001);
    for (uint64_t lsn = 1; lsn <= 3000; ++lsn) ASSERT_FALSE(index->find(nth(lsn)));
    expect_range(*index, 3001, 4000);
    for (uint64_t n = 1; n <= 500; ++n) index->add(nth(n), 4000 + n);  // forgotten ids are new again
    for (uint64_t n = 1; n <= 500; ++n) ASSERT_EQ(index->find(nth(n)), 4000 + n);
    index->forget_before(4001);
    EXPECT_TRUE(eventually(*index, [](const auto& stats) { return stats.runs <= 2; }));
    EXPECT_EQ(index->stats().first_lsn, 4001u);
  }
  auto index = open({.dir = dir.path(), .memory_entries = 256}, 4500);
  EXPECT_GE(index->covered(), 4000u);
  for (uint64_t lsn = index->covered() + 1; lsn <= 4500; ++lsn) index->add(nth(lsn - 4000), lsn);
  for (uint64_t n = 1; n <= 500; ++n) ASSERT_EQ(index->find(nth(n)), 4000 + n);
}

TEST(IdIndex, ForgetsTheOldestAtTheFilterLimit) {
  TemporaryDirectory dir;
  const IdIndex::Options options{.dir = dir.path(), .memory_entries = 1024, .filter_bytes_max = 32 * 1024};
  uint64_t first = 0;
  {
    auto index = open(options);
    for (uint64_t lsn = 1; lsn <= 100'000; lsn += 1000) {
      add_range(*index, lsn, lsn + 999);
      ASSERT_TRUE(
          eventually(*index, [&](const auto& now) { return now.filter_bytes <= options.filter_bytes_max; }));
      const auto stats = index->stats();
      for (uint64_t known = stats.first_lsn; known <= lsn + 999; ++known)
        ASSERT_TRUE(index->find(nth(known)) == known ||
                    index->stats().first_lsn > known);  // it goes on forgetting
    }
    const auto stats = index->stats();
    first = stats.first_lsn;
    EXPECT_GT(stats.window_shrinks, 0u);
    EXPECT_GT(stats.forgotten_ids, 50'000u);
    EXPECT_GT(first, 50'000u);
    EXPECT_LT(first, 95'000u);
    EXPECT_FALSE(index->find(nth(first - 1)));
    ASSERT_TRUE(index->flush().ok());
  }
  auto index = open(options, 100'000);
  EXPECT_EQ(index->covered(), 100'000u);
  EXPECT_GE(index->stats().first_lsn, first);
  expect_range(*index, index->stats().first_lsn, 100'000);
}

TEST(IdIndex, DropsWhatTheLogHasLost) {
  TemporaryDirectory dir;
  {
    auto index = open({.dir = dir.path(), .memory_entries = 256});
    add_range(*index, 1, 3000);
    ASSERT_TRUE(index->flush().ok());
  }
  auto index = open({.dir = dir.path(), .memory_entries = 256}, 2900);
  EXPECT_EQ(index->covered(), 2900u);
  expect_range(*index, 1, 2900);
  for (uint64_t n = 2901; n <= 3000; ++n) ASSERT_FALSE(index->find(nth(n)));
  for (uint64_t n = 2901; n <= 3000; ++n) index->add(nth(n + 5000), n);  // the LSNs are used again
  ASSERT_TRUE(index->flush().ok());
  index = open({.dir = dir.path(), .memory_entries = 256}, 3000);
  EXPECT_EQ(index->covered(), 3000u);
  for (uint64_t n = 2901; n <= 3000; ++n) ASSERT_EQ(index->find(nth(n + 5000)), n);
  index = open({.dir = dir.path(), .memory_entries = 256}, 0);
  EXPECT_EQ(index->covered(), 0u);
  EXPECT_TRUE(files_of(dir.path(), ".run").empty());
}

TEST(IdIndex, DeletesRunsOfAnotherLog) {
  TemporaryDirectory dir;
  {
    auto index = open({.dir = dir.path(), .memory_entries = 256, .log_identity = 1});
    add_range(*index, 1, 1000);
    ASSERT_TRUE(index->flush().ok());
  }
  auto index = open({.dir = dir.path(), .memory_entries = 256, .log_identity = 2});
  EXPECT_EQ(index->covered(), 0u);
  EXPECT_FALSE(index->find(nth(1)));
}

// Some runs side by side, written one by one: 100 ids each.
void write_runs(const std::string& dir, uint64_t runs) {
  for (uint64_t run = 0; run < runs; ++run) {
    auto index = open({.dir = dir});
    add_range(*index, run * 100 + 1, run * 100 + 100);
    ASSERT_TRUE(index->flush().ok());
  }
}

TEST(IdIndex, AMissingRunTakesAllAfterItAlong) {
  for (uint64_t missing = 0; missing < 6; ++missing) {
    TemporaryDirectory dir;
    write_runs(dir.path(), 6);
    fs::remove(files_of(dir.path(), ".run").at(missing));
    auto index = open({.dir = dir.path()});
    EXPECT_EQ(index->covered(), missing * 100);
    expect_range(*index, 1, missing * 100);
    EXPECT_FALSE(index->find(nth(missing * 100 + 1)));
    EXPECT_FALSE(index->find(nth(600)));
    EXPECT_EQ(files_of(dir.path(), ".run").size(), missing);
  }
}

TEST(IdIndex, AHalfWrittenRunIsAsNothing) {
  TemporaryDirectory dir;
  write_runs(dir.path(), 3);
  const auto last = files_of(dir.path(), ".run").back();
  fs::copy(last, dir.path() + "/ids-00000000000000000301-00000000000000000400.run.tmp");
  fs::resize_file(last, fs::file_size(last) - 1);
  auto index = open({.dir = dir.path()});
  EXPECT_EQ(index->covered(), 200u);
  expect_range(*index, 1, 200);
  EXPECT_TRUE(files_of(dir.path(), ".tmp").empty());
}

TEST(IdIndex, PartsBesideTheirMergedRunAreRemoved) {
  TemporaryDirectory dir;
  write_runs(dir.path(), 8);
  const std::string saved = dir.path() + ".saved";
  fs::copy(dir.path(), saved);
  write_runs(dir.path(), 0);
  {
    auto index = open({.dir = dir.path()});
    add_range(*index, 801, 900);
    ASSERT_TRUE(index->flush().ok());
    ASSERT_TRUE(eventually(*index, [](const auto& stats) { return stats.merges > 0; }));
  }
  for (const auto& part : files_of(saved, ".run"))
    fs::copy(part, dir.path(), fs::copy_options::skip_existing);
  fs::remove_all(saved);
  auto index = open({.dir = dir.path()});
  EXPECT_EQ(index->covered(), 900u);
  expect_range(*index, 1, 900);
  EXPECT_EQ(index->stats().entries, 900u);
}

TEST(IdIndex, EveryFlippedBitIsNoticed) {
  TemporaryDirectory good, dir;
  write_runs(good.path(), 2);
  const auto name = files_of(good.path(), ".run").front().filename();
  const uint64_t size = fs::file_size(good.path() + "/" + name.string());
  std::mt19937_64 random(7);
  for (int round = 0; round < 1000; ++round) {
    SCOPED_TRACE(round);
    fs::remove_all(dir.path());
    fs::copy(good.path(), dir.path());
    flip_bit(dir.path() + "/" + name.string(), random() % size, static_cast<int>(random() % 8));
    int reported = 0;
    auto index = open({.dir = dir.path(), .fail_stop = [&](const Problem&) { ++reported; }});
    if (index->covered() == 0) continue;  // noticed at open: rebuilt from the log
    ASSERT_EQ(index->covered(), 200u);
    const auto found = index->find(nth(1));
    ASSERT_TRUE(found == 1u ||
                reported == 1);  // the one flipped bit was in padding, or was noticed at reading
    if (reported == 0) expect_range(*index, 1, 200);
  }
}

TEST(IdIndex, ADamagedBlockStopsTheProcessAndTheNextStartRebuilds) {
  TemporaryDirectory dir;
  write_runs(dir.path(), 3);
  flip_bit(files_of(dir.path(), ".run").at(1), 4096 + 100, 0);  // in the first block
  {
    std::vector<std::string> problems;
    auto index = open({.dir = dir.path(),
                       .fail_stop = [&](const Problem& problem) { problems.push_back(problem.text()); }});
    EXPECT_EQ(index->covered(), 300u);
    expect_range(*index, 201, 300);
    EXPECT_TRUE(problems.empty());
    index->find(nth(150));
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find("block 0 is damaged"), std::string::npos) << problems[0];
  }
  auto index = open({.dir = dir.path()});
  EXPECT_EQ(index->covered(), 100u);
  add_range(*index, 101, 300);
  expect_range(*index, 1, 300);
}

TEST(IdIndexDeathTest, ADamagedBlockEndsTheProcessByDefault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  TemporaryDirectory dir;
  write_runs(dir.path(), 1);
  flip_bit(files_of(dir.path(), ".run").at(0), 4096 + 100, 0);
  EXPECT_EXIT(
      {
        auto index = open({.dir = dir.path()});
        index->find(nth(1));
      },
      testing::ExitedWithCode(70), "dedup_run_damaged");
}

TEST(IdIndex, DamageFoundByAMergeIsReported) {
  TemporaryDirectory dir;
  write_runs(dir.path(), 8);
  flip_bit(files_of(dir.path(), ".run").at(7), 4096 + 100, 0);
  std::atomic<int> reported{0};
  {
    auto index = open({.dir = dir.path(), .fail_stop = [&](const Problem&) { ++reported; }});
    add_range(*index, 801, 900);
    ASSERT_TRUE(index->flush().ok());
    EXPECT_TRUE(eventually(*index, [&](const auto&) { return reported > 0; }));
    EXPECT_EQ(reported, 1);
    EXPECT_EQ(index->stats().merges, 0u);
  }
  auto index = open({.dir = dir.path()});
  EXPECT_EQ(index->covered(), 700u);
}

TEST(IdIndex, HoldsAMillionIds) {
  TemporaryDirectory dir;
  constexpr uint64_t count = 1'000'000;
  const IdIndex::Options options{.dir = dir.path(), .memory_entries = 64 * 1024};
  auto index = open(options);
  for (uint64_t lsn = 1; lsn <= count; ++lsn) {
    if (lsn + 16 <= count) index->expect(nth(lsn + 16));
    ASSERT_FALSE(index->find(nth(lsn)));
    index->add(nth(lsn), lsn);
  }
  ASSERT_TRUE(eventually(*index, is_merged));
  expect_range(*index, 1, count);
  const auto stats = index->stats();
  EXPECT_LE(stats.filter_bytes, 4 * count);
  EXPECT_LT(stats.disk_bytes, 28 * count);
  EXPECT_LT(stats.false_positives, count / 50);
  ASSERT_TRUE(index->flush().ok());
  index = open(options, count);
  EXPECT_EQ(index->covered(), count);
  expect_range(*index, 1, count);
}

}  // namespace
}  // namespace headrace
