// What retention decides, and what a log looks like to those who read it while its front goes.
#include "storage/retention.h"

#include "storage/base.h"
#include "storage/retainer.h"
#include "storage/verify.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

constexpr Micros day = day_us;

// Segments that began on these days, 10 bytes and 100 records each.
std::vector<SegmentSummary> began_on(std::initializer_list<int> days) {
  std::vector<SegmentSummary> out;
  for (int at : days) {
    auto number = static_cast<uint32_t>(out.size() + 1);
    out.push_back({.segment = number, .first_lsn = 100 * number, .bytes = 10, .began_us = at * day});
  }
  return out;
}

TEST(Retention, NothingGoesWithoutARule) {
  RetentionPolicy policy;
  EXPECT_TRUE(policy.empty());
  EXPECT_FALSE(next_step(policy, began_on({0, 1, 2}), 1000 * day));
  EXPECT_FALSE(seal_due(policy, 0, 1000 * day));
}

TEST(Retention, TheFirstSegmentGoesWhenItsYoungestRecordIsTooOld) {
  RetentionPolicy policy{.age_us = 30 * day};
  auto segments = began_on({0, 10, 20});
  EXPECT_FALSE(next_step(policy, segments, 40 * day - 1)) << "a record of day 10 may be in the first one";
  auto step = next_step(policy, segments, 40 * day);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->segment, 1u);
  EXPECT_FALSE(step->thin);
}

TEST(Retention, TheSegmentBeingWrittenStays) {
  EXPECT_FALSE(next_step({.age_us = 1}, began_on({0}), 1000 * day));
  EXPECT_FALSE(next_step({.bytes_max = 1}, began_on({0}), 1000 * day));
}

TEST(Retention, AboveTheSizeTheFirstGoesWhateverItsAge) {
  RetentionPolicy policy{.bytes_max = 25};
  auto step = next_step(policy, began_on({0, 0, 0}), 0);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->segment, 1u);
  EXPECT_FALSE(next_step({.bytes_max = 30}, began_on({0, 0, 0}), 0));
}

TEST(Retention, ATypeGoesBeforeTheOthers) {
  RetentionPolicy policy{.age_us = 365 * day, .rules = {{"page.view", 30 * day}, {"purchase", 0}}};
  auto segments = began_on({0, 10, 20});
  auto step = next_step(policy, segments, 41 * day);
  ASSERT_TRUE(step && step->thin);
  EXPECT_EQ(step->segment, 1u);
  EXPECT_TRUE(step->thin->has("page.view"));
  EXPECT_FALSE(step->thin->has("purchase") || step->thin->has("search"));
  segments[0].thinned = step->thin->mark();
  EXPECT_FALSE(next_step(policy, segments, 41 * day)) << "it was done";
  step = next_step(policy, segments, 376 * day);
  ASSERT_TRUE(step && step->thin);
  EXPECT_TRUE(step->thin->has("search"));
  EXPECT_FALSE(step->thin->has("purchase")) << "kept for ever";
  EXPECT_NE(step->thin->mark(), segments[0].thinned);
}

TEST(Retention, ASegmentWithoutRecordsIsPassedOver) {
  RetentionPolicy policy{.rules = {{"page.view", 30 * day}}};
  auto segments = began_on({0, 10, 20});
  segments[1].first_lsn = segments[0].first_lsn;
  auto step = next_step(policy, segments, 60 * day);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->segment, 2u);
}

TEST(Retention, SegmentsAreSealedAtAFractionOfTheShortestAge) {
  RetentionPolicy policy{.age_us = 365 * day, .rules = {{"page.view", 8 * day}}};
  EXPECT_FALSE(seal_due(policy, 0, day - 1));
  EXPECT_TRUE(seal_due(policy, 0, day));
}

class RetentionOfALog : public ::testing::Test {
 protected:
  void SetUp() override {
    bench.options.segment_bytes = 64 * 1024;
    bench.open();
  }

  void fill(size_t records) {
    for (size_t i = 0; i < records; ++i) {
      ++written;
      bench.event("key" + std::to_string(written % 7), payload_of(written));
      if (written % 20 == 0) bench.settle();
    }
    bench.settle();
  }
  void seal() {
    bench.partition->seal();
    for (int i = 0; !bench.partition->sealed_before(); ++i) {
      ASSERT_LT(i, 10'000);
      bench.partition->pump();
      ::usleep(100);
      bench.partition->synced();
    }
  }
  void settle_before(uint32_t segment) {
    for (int i = 0; bench.partition->settled_segment() < segment; ++i) {
      ASSERT_LT(i, 10'000) << "no recovery should need it any more";
      bench.partition->pump();
      ::usleep(500);
    }
  }
  Retainer retainer(RetentionPolicy policy) {
    return Retainer(
        {.place = bench.options.place,
         .key = bench.options.key,
         .policy = std::move(policy),
         .settled_segment = [this] { return bench.partition->settled_segment(); },
         .definitions = [this] { return served; },
         .seal = [this] { bench.partition->seal(); },
         .make_base = [this]() -> Result<> {
           auto made = bench.partition->make_base();
           return made ? Result<>(Done{}) : made.problem();
         },
         .leave_out = [](const Expired&) { return [](RecordView& record) { return record.lsn % 2 == 0; }; },
         .period_us = 0});
  }
  std::vector<uint32_t> segments() { return *list_segments(system_disk(), bench.options.place); }

  ScratchDirectory scratch;
  Bench bench{scratch.path()};
  Lsn written = 0;
  std::optional<uint64_t> served{bench.fold->definition_digest()};
};

TEST_F(RetentionOfALog, ASealedSegmentIsFollowedByAnEmptyOneAndSettlesWithoutTraffic) {
  fill(50);
  auto before = segments();
  seal();
  EXPECT_EQ(segments().size(), before.size() + 1);
  EXPECT_EQ(*bench.partition->sealed_before(), segments().back());
  settle_before(segments().back());
  seal();
  EXPECT_EQ(segments().size(), before.size() + 1) << "an empty one is not sealed";
  fill(10);
  EXPECT_EQ(read_payloads(bench.options.place).size(), 60u);
  Digest digest = bench.digest();
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.digest(), digest);
  EXPECT_EQ(bench.rebuilt(), digest);
}

TEST_F(RetentionOfALog, WhatIsTooOldGoesOnceABaseIsBeyondIt) {
  fill(300);
  seal();
  fill(20);
  settle_before(segments().back());
  Digest digest = bench.digest();
  auto all = segments();
  ASSERT_GE(all.size(), 2u);
  Retainer keeper = retainer({.age_us = 1});
  for (bool more = true; more;) {
    auto looked = keeper.look();
    ASSERT_TRUE(looked.ok()) << looked.problem().text();
    more = *looked;
  }
  EXPECT_EQ(segments(), std::vector<uint32_t>{all.back()});
  EXPECT_EQ(keeper.stats().segments_dropped, all.size() - 1);
  EXPECT_EQ(*base_segment(system_disk(), bench.options.place), all.back());
  auto report = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->damage) << report->damage->text();
  ASSERT_TRUE(report->begin);
  EXPECT_EQ(report->begin->lsn, report->segments.front().first_lsn);
  EXPECT_EQ(report->begin->why, "retention");
  EXPECT_EQ(bench.rebuilt(), digest);
  bench.close();
  bench.open();
  EXPECT_EQ(bench.digest(), digest);
  fill(5);
  EXPECT_EQ(bench.rebuilt(), bench.digest());
}

TEST_F(RetentionOfALog, NothingGoesWhileTheLogIsFoldedByOtherDefinitionsNorUntilABaseIsByThem) {
  fill(300);
  seal();
  fill(20);
  settle_before(segments().back());
  ASSERT_TRUE(bench.partition->make_base().ok());
  auto all = segments();
  for (std::optional<uint64_t> other : {std::optional<uint64_t>(), std::optional<uint64_t>(*served + 1)}) {
    std::swap(served, other);
    auto looked = retainer({.age_us = 1}).look();
    ASSERT_TRUE(looked.ok() && !*looked);
    EXPECT_EQ(segments(), all);
    std::swap(served, other);
  }
  auto looked = retainer({.age_us = 1}).look();
  ASSERT_TRUE(looked.ok() && *looked);
  EXPECT_LT(segments().size(), all.size());
}

TEST_F(RetentionOfALog, ABaseOfTheSameRecordByOtherDefinitionsIsMadeAnew) {
  fill(100);
  ASSERT_TRUE(bench.partition->make_base().ok());
  fill(200);
  Lsn lsn = *bench.partition->make_base();
  bench.close();
  bench.fold = std::make_unique<TallyFold>(*served + 1);
  bench.open();  // folds its rows anew
  EXPECT_EQ(*bench.partition->make_base(), lsn);
  auto bases = list_bases(system_disk(), bench.options.place);
  ASSERT_TRUE(bases.ok() && bases->size() == 2);
  auto base = verify_base(system_disk(), bench.options.place, lsn);
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(base->fold, *served + 1);
  EXPECT_EQ(bench.rebuilt(), bench.digest());
}

TEST_F(RetentionOfALog, ABaseFromWhichMoreWouldBeReplayedIsNotTheSame) {
  fill(100);
  bench.partition->hold(5);
  auto only = *bench.partition->make_base();
  bench.partition->release();
  auto refused = bench.partition->make_base();
  ASSERT_FALSE(refused.ok()) << "nothing else leads to the end of the log meanwhile";
  EXPECT_EQ(refused.problem().error, Error::overloaded);
  EXPECT_TRUE(verify_base(system_disk(), bench.options.place, only).ok());
  fill(200);
  bench.partition->hold(5);
  Lsn lsn = *bench.partition->make_base();
  EXPECT_EQ(read_base(system_disk(), bench.options.place, lsn)->replay_from, 5u);
  bench.partition->release();
  EXPECT_EQ(*bench.partition->make_base(), lsn);
  EXPECT_EQ(read_base(system_disk(), bench.options.place, lsn)->replay_from, lsn + 1);
  EXPECT_EQ(bench.rebuilt(), bench.digest());
}

TEST_F(RetentionOfALog, ASegmentIsThinnedOnceAndTheStateStays) {
  fill(300);
  seal();
  fill(20);
  settle_before(segments().back());
  Digest digest = bench.digest();
  auto all = segments();
  Retainer keeper = retainer({.rules = {{"page.view", 1}}});
  for (bool more = true; more;) {
    auto looked = keeper.look();
    ASSERT_TRUE(looked.ok()) << looked.problem().text();
    more = *looked;
  }
  EXPECT_EQ(segments(), all);
  EXPECT_EQ(keeper.stats().segments_thinned, all.size() - 1);
  EXPECT_EQ(keeper.stats().records_dropped, 150u);
  EXPECT_EQ(bench.rebuilt(), digest);
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.digest(), digest);
}

TEST_F(RetentionOfALog, AReaderGoesOnBehindWhatWasDropped) {
  fill(400);
  seal();
  fill(300);
  seal();
  fill(20);
  auto all = segments();
  ASSERT_GE(all.size(), 3u);
  auto reader = LogReader::open(bench.options.place, 1, written);
  ASSERT_TRUE(reader.ok());
  RecordView record;
  ASSERT_TRUE(*reader->next(record));
  auto header = SegmentReader::open(system_disk(), bench.options.place, all.back());
  ASSERT_TRUE(header.ok());
  for (size_t i = 0; i + 1 < all.size(); ++i) fs::remove(bench.segment(all[i]));
  Lsn first_behind = 0, last = 0;
  while (true) {
    auto more = reader->next(record);
    ASSERT_TRUE(more.ok()) << more.problem().text();
    if (!*more) break;
    if (first_behind == 0 && record.lsn >= header->header().first_lsn) first_behind = record.lsn;
    last = record.lsn;
  }
  EXPECT_EQ(first_behind, header->header().first_lsn);
  EXPECT_EQ(last, written);
  auto fresh = LogReader::open(bench.options.place, 1, written);
  ASSERT_TRUE(fresh.ok());
  ASSERT_TRUE(*fresh->next(record));
  EXPECT_EQ(record.lsn, header->header().first_lsn);
}

}  // namespace
}  // namespace headrace::testing_support
