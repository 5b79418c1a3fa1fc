// Repair: exactly what is lost must be accepted; the rest is read across a signed hole, by everybody, for
// good.
#include "storage/repair.h"

#include <algorithm>
#include <map>

#include "storage/log_walker.h"
#include "storage/salvage.h"
#include "storage/verify.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

struct Batch {
  LogPosition begin;
  uint64_t bytes = 0;
  Lsn last = 0;
};

class Repairing : public ::testing::Test {
 protected:
  Repairing() {
    disk.skip_syncs = true;
    bench.options.segment_bytes = 8192;
    bench.options.checkpoint_age_us = hour_us;
  }

  // Batches of three records each, one in ten a document.
  void write(int batches) {
    bench.open();
    for (int i = 0; i < batches; ++i) {
      for (int j = 0; j < 3; ++j) write_one(bench.partition->applied_lsn() + 1);
      bench.settle();
    }
    written = bench.partition->applied_lsn();
  }
  void write_one(Lsn lsn) {
    if (lsn % 10 == 0)
      bench.put("o" + std::to_string(lsn), "open|ann");
    else
      bench.event("k" + std::to_string(lsn % 7), payload_of(lsn));
  }
  void checkpoint_and_crash() {
    bench.close();
    bench.open();
    bench.crash();
  }
  void rewrite_all_but(size_t newest) {
    auto segments = list_segments(disk, place());
    for (size_t i = 0; i + newest < segments->size(); ++i)
      ASSERT_TRUE(
          rewrite_segment({.place = place(), .clock = &system_clock(), .disk = &disk, .frame_bytes = 2048},
                          (*segments)[i], [](RecordView&) { return true; })
              .ok());
  }
  std::vector<Batch> batches() {
    std::vector<Batch> found;
    auto walker = LogWalker::at_start(disk, place());
    EXPECT_TRUE(walker.ok());
    while (*walker->next())
      found.push_back({walker->position(), walker->batch().length, walker->batch().last_lsn()});
    return found;
  }
  void hit(const Batch& batch) {
    flip(bench.segment(batch.begin.segment), batch.begin.offset + batch.bytes - 1);
  }

  Result<RepairReport> repair(std::vector<LsnRange> accepted) {
    return repair_log({.place = place(),
                       .key = &bench.directory->signing_key(),
                       .by = "ann@desk",
                       .accepted = std::move(accepted),
                       .disk = &disk,
                       .segment_bytes = bench.options.segment_bytes,
                       .state_map_bytes = bench.options.state_map_bytes});
  }
  std::string refused(std::vector<LsnRange> accepted) {
    auto done = repair(std::move(accepted));
    EXPECT_FALSE(done.ok());
    return done.ok() ? "" : done.problem().text();
  }
  std::map<Lsn, std::string> records() {
    std::map<Lsn, std::string> found;
    auto reader = LogReader::open(place());
    EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.problem().text());
    RecordView record;
    while (true) {
      auto more = reader->next(record);
      EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.problem().text());
      if (!more.ok() || !*more) return found;
      found[record.lsn] = record.payload;
    }
  }
  std::vector<Hole> holes() {
    auto report = inspect_log(place(), Depth::records);
    EXPECT_TRUE(report.ok() && !report->damage) << (report->damage ? report->damage->text() : "");
    std::vector<Hole> all;
    for (auto& segment : report->segments) all.insert(all.end(), segment.holes.begin(), segment.holes.end());
    return all;
  }
  std::string damage() {
    auto report = inspect_log(place(), Depth::records);
    EXPECT_TRUE(report.ok());
    return report->damage ? report->damage->text() : "";
  }
  // The log is whole without `lost`, starts, takes more, is what a rebuild says.
  void expect_whole_without(const std::vector<LsnRange>& lost) {
    auto is_lost = [&](Lsn lsn) {
      return std::ranges::any_of(lost, [&](auto& range) { return lsn >= range.first && lsn <= range.last; });
    };
    std::vector<LsnRange> named;
    for (const Hole& hole : holes()) named.push_back({hole.first, hole.last});
    ASSERT_EQ(named, lost);
    bench.open();
    ASSERT_EQ(bench.partition->applied_lsn(), written);
    write_one(++written);
    bench.settle();
    auto found = records();
    for (Lsn lsn = 1; lsn <= written; ++lsn) {
      ASSERT_EQ(found.contains(lsn), !is_lost(lsn)) << lsn;
      const bool known = lsn % 10 != 0 && !is_lost(lsn);
      ASSERT_TRUE(!known || found[lsn] == payload_of(lsn)) << lsn;
    }
    bench.crash();
    bench.open();
    ASSERT_EQ(bench.partition->applied_lsn(), written);
    bench.crash();
    ASSERT_EQ(damage(), "");
  }
  void expect_state_is_the_log() {
    bench.open();
    EXPECT_EQ(bench.digest(), bench.rebuilt());
    bench.crash();
  }
  const PartitionPlace& place() const { return bench.options.place; }

  ScratchDirectory scratch;
  StrangeDisk disk;
  Bench bench{scratch.path(), &disk};
  Lsn written = 0;
};

TEST_F(Repairing, AWholeLogIsLeftAlone) {
  write(10);
  bench.crash();
  EXPECT_EQ(repair({}).problem().error, Error::not_found);
  EXPECT_EQ(repair({{1, 3}}).problem().error, Error::not_found);
}

TEST_F(Repairing, ATornTailIsNoDamage) {
  write(3);
  bench.crash();
  hit(batches().back());
  EXPECT_EQ(repair({{7, 9}}).problem().error, Error::not_found);
}

TEST_F(Repairing, OnlyExactlyWhatIsLostIsTaken) {
  write(40);
  bench.crash();
  auto all = batches();
  hit(all[20]);
  Lsn first = all[20].begin.lsn, last = all[20].last;
  std::string right = "--accept-loss " + std::to_string(first) + ".." + std::to_string(last);
  for (auto wrong : std::vector<std::vector<LsnRange>>{{},
                                                       {{first, last + 1}},
                                                       {{first - 1, last}},
                                                       {{first + 1, last}},
                                                       {{first, last}, {last + 1, last + 1}}})
    EXPECT_NE(refused(wrong).find(right), std::string::npos);
  EXPECT_NE(damage(), "");
  auto report = repair({{first, last}});
  ASSERT_TRUE(report.ok()) << report.problem().text();
  ASSERT_EQ(report->holes.size(), 1u);
  const Hole hole = holes()[0];
  EXPECT_EQ(hole.by, "ann@desk");
  EXPECT_EQ(hole.reason, "its body does not match its hash");
  EXPECT_EQ(hole.offset, all[20].begin.offset);
  EXPECT_EQ(hole.chain_before, all[20].begin.chain);
  EXPECT_EQ(hole.chain_after, all[21].begin.chain);
  EXPECT_EQ(hole.key, bench.directory->signing_key().public_key());
  ASSERT_NO_FATAL_FAILURE(expect_whole_without({{first, last}}));
  expect_state_is_the_log();
}

TEST_F(Repairing, SeveralLossesAreAcceptedTogether) {
  write(60);
  bench.crash();
  auto all = batches();
  for (size_t i : {10, 11, 30, 55}) hit(all[i]);
  auto range = [&](size_t a, size_t b) { return LsnRange{all[a].begin.lsn, all[b].last}; };
  std::vector<LsnRange> lost = {range(10, 11), range(30, 30), range(55, 55)};
  auto report = repair(lost);
  ASSERT_TRUE(report.ok()) << report.problem().text();
  std::vector<LsnRange> named;
  for (const Hole& hole : report->holes) named.push_back({hole.first, hole.last});
  ASSERT_NO_FATAL_FAILURE(expect_whole_without(named));
  expect_state_is_the_log();
}

TEST_F(Repairing, TheActiveSegmentGetsASuccessor) {
  write(6);
  bench.crash();
  auto all = batches();
  hit(all[2]);
  EXPECT_FALSE(bench.try_open().ok());
  auto report = repair({{7, 9}});
  ASSERT_TRUE(report.ok()) << report.problem().text();
  EXPECT_TRUE(report->segment_added);
  ASSERT_NO_FATAL_FAILURE(expect_whole_without({{7, 9}}));
  expect_state_is_the_log();
}

TEST_F(Repairing, WhatACheckpointKnewAndTheLogLostIsAHoleAtTheEnd) {
  write(40);
  checkpoint_and_crash();
  auto whole = batches();
  fs::resize_file(bench.segment(whole.back().begin.segment), whole.back().begin.offset);
  auto all = batches();
  ASSERT_EQ(all.size() + 1, whole.size());
  Lsn first = all.back().last + 1;
  EXPECT_NE(damage().find("LSN " + std::to_string(first)), std::string::npos) << damage();
  auto report = repair({{first, written}});
  ASSERT_TRUE(report.ok()) << report.problem().text();
  expect_whole_without({{first, written}});
}

TEST_F(Repairing, MissingSegments) {
  for (bool last : {false, true}) {
    SCOPED_TRACE(last);
    ScratchDirectory own;
    Repairing::SetUp();
    Bench other(own.path(), &disk);
    other.options.segment_bytes = 8192;
    other.open();
    for (Lsn lsn = 1; lsn <= 200; ++lsn) {
      other.event("k", payload_of(lsn));
      if (lsn % 4 == 0) other.settle();
    }
    other.settle();
    other.close();
    other.open();
    other.crash();
    auto segments = list_segments(disk, other.options.place);
    ASSERT_GE(segments->size(), 5u);
    uint32_t victim = last ? segments->back() : (*segments)[segments->size() / 2];
    auto first = SegmentReader::open(disk, other.options.place, victim)->header().first_lsn;
    Lsn end = last ? 201 : SegmentReader::open(disk, other.options.place, victim + 1)->header().first_lsn;
    fs::remove(other.segment(victim));
    RepairOptions options{.place = other.options.place,
                          .key = &other.directory->signing_key(),
                          .by = "ann",
                          .accepted = {{first, end - 1}},
                          .disk = &disk,
                          .segment_bytes = 8192,
                          .state_map_bytes = other.options.state_map_bytes};
    if (first == end) options.accepted.clear();
    auto report = repair_log(options);
    ASSERT_TRUE(report.ok()) << report.problem().text();
    other.open();
    EXPECT_EQ(other.partition->applied_lsn(), 200u);
    EXPECT_EQ(other.event("k", payload_of(201)), 201u);
    other.settle();
    other.crash();
    auto after = inspect_log(other.options.place, Depth::records);
    EXPECT_FALSE(after->damage) << after->damage->text();
  }
}

TEST_F(Repairing, DamagedHeadersAndIndexesLoseNothing) {
  write(60);
  bench.crash();
  rewrite_all_but(3);
  auto segments = list_segments(disk, place());
  ASSERT_GE(segments->size(), 6u);
  flip(bench.segment((*segments)[0]), 50);                     // a rewritten one's header
  flip(bench.segment((*segments)[segments->size() - 2]), 41);  // a raw one's
  std::string indexed = bench.segment((*segments)[2]);
  flip(indexed, fs::file_size(indexed) - 5);
  EXPECT_NE(refused({{1, 3}}).find("No record is lost"), std::string::npos);
  auto report = repair({});
  ASSERT_TRUE(report.ok()) << report.problem().text();
  EXPECT_EQ(report->rewritten.size(), 3u);
  ASSERT_NO_FATAL_FAILURE(expect_whole_without({}));
  expect_state_is_the_log();
}

TEST_F(Repairing, FramesOfRewrittenSegments) {
  write(80);
  bench.crash();
  rewrite_all_but(1);
  auto all = batches();
  ASSERT_GE(all.size(), 8u);
  hit(all[3]);
  LsnRange lost{all[3].begin.lsn, all[3].last};
  auto report = repair({lost});
  ASSERT_TRUE(report.ok()) << report.problem().text();
  ASSERT_NO_FATAL_FAILURE(expect_whole_without({lost}));
  expect_state_is_the_log();
}

TEST_F(Repairing, AHoleStaysWhenItsSegmentIsWrittenAgain) {
  write(80);
  bench.crash();
  auto all = batches();
  hit(all[4]);
  std::vector<LsnRange> lost = {{all[4].begin.lsn, all[4].last}};
  ASSERT_TRUE(repair(lost).ok());
  rewrite_all_but(1);
  ASSERT_NO_FATAL_FAILURE(expect_whole_without(lost));
  // And when it is damaged again, even in its header.
  flip(bench.segment(all[4].begin.segment), 30);
  ASSERT_TRUE(repair({}).ok());
  ASSERT_NO_FATAL_FAILURE(expect_whole_without(lost));
}

TEST_F(Repairing, AForgedHoleIsDamage) {
  write(40);
  bench.crash();
  auto all = batches();
  hit(all[4]);
  ASSERT_TRUE(repair({{all[4].begin.lsn, all[4].last}}).ok());
  auto reader = SegmentReader::open(disk, place(), all[4].begin.segment);
  std::string text = *holes_text(*reader);
  EXPECT_EQ(find_holes(text, place()).holes.size(), 1u);
  for (size_t at = 0; at < text.size(); ++at) {
    std::string forged = text;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    ASSERT_TRUE(find_holes(forged, place()).holes.empty()) << at;
  }
  PartitionPlace stranger = place();
  stranger.signers = {SigningKey::make().public_key()};
  EXPECT_FALSE(read_holes(*reader, stranger).ok());
  auto report = inspect_log(stranger, Depth::headers);
  ASSERT_TRUE(report->damage);
  EXPECT_NE(report->damage->text().find("not signed by a key of this data directory"), std::string::npos);
  flip(bench.segment(all[4].begin.segment), reader->header().rewritten->holes_offset() + 20);
  EXPECT_NE(damage().find("holes"), std::string::npos);
}

TEST_F(Repairing, ExchangedNamesAreNotRepairedAway) {
  write(60);
  bench.crash();
  std::string one = bench.segment(2), two = bench.segment(3);
  std::string first = slurp(one), second = slurp(two);
  spill(one, second), spill(two, first);
  EXPECT_NE(damage().find("This file is segment"), std::string::npos);
  EXPECT_NE(refused({}).find("give it its name back"), std::string::npos);
  spill(one, first), spill(two, second);
  EXPECT_EQ(damage(), "");
}

TEST_F(Repairing, ADuplicateInItsPlaceIsALossOfThatSegment) {
  write(60);
  bench.crash();
  spill(bench.segment(3), slurp(bench.segment(2)));
  auto before = SegmentReader::open(disk, place(), 4);
  auto salvage = salvage_log(disk, place());
  ASSERT_TRUE(salvage.ok());
  ASSERT_EQ(salvage->segments[2].losses.size(), 1u);
  const Loss& loss = salvage->segments[2].losses[0];
  EXPECT_EQ(loss.last, before->header().first_lsn - 1);
  ASSERT_TRUE(repair({{loss.first, loss.last}}).ok());
  ASSERT_NO_FATAL_FAILURE(expect_whole_without({{loss.first, loss.last}}));
}

// A state that was past the hole keeps what stood there, as a base, so that a rebuild has it, too.
TEST_F(Repairing, DocumentsOfTheHoleStayWhereACheckpointIsBeyondIt) {
  write(40);
  checkpoint_and_crash();
  auto all = batches();
  size_t victim = 0;
  while (all[victim].begin.lsn / 10 == all[victim].last / 10) ++victim;  // it holds a document
  std::string id = "o" + std::to_string(all[victim].last / 10 * 10);
  hit(all[victim]);
  std::vector<LsnRange> lost = {{all[victim].begin.lsn, all[victim].last}};
  auto report = repair(lost);
  ASSERT_TRUE(report.ok()) << report.problem().text();
  EXPECT_EQ(report->base_lsn, 120u);
  ASSERT_NO_FATAL_FAILURE(expect_whole_without(lost));
  bench.open();
  EXPECT_TRUE(bench.partition->documents().find(7, id));
  bench.crash();
  expect_state_is_the_log();  // from the base on
  for (const char* name : {"/data.mdb", "/lock.mdb"}) fs::remove(place().state() + name);
  bench.open();
  EXPECT_TRUE(bench.partition->documents().find(7, id)) << "a state made anew begins with the base";
  bench.crash();
}

TEST_F(Repairing, MayCrashAnywhereAndIsRunAgain) {
  write(30);
  checkpoint_and_crash();
  auto all = batches();
  size_t victim = all.size() - 1;
  hit(all[5]);
  hit(all[victim]);
  std::vector<LsnRange> lost = {{all[5].begin.lsn, all[5].last}, {all[victim].begin.lsn, all[victim].last}};
  ScratchDirectory saved;
  fs::copy(place().path, saved.path() + "/p", fs::copy_options::recursive);
  bool finished = false;
  for (int failing = 1; !finished; ++failing) {
    SCOPED_TRACE(failing);
    fs::remove_all(place().path);
    fs::copy(saved.path() + "/p", place().path, fs::copy_options::recursive);
    disk.fail_at(failing);
    finished = repair(lost).ok();
    disk.set_rule(nullptr);
    auto again = repair(lost);
    std::vector<LsnRange> named;
    if (!finished && !again.ok() && damage() != "") {
      std::vector<LsnRange> rest;  // a segment may be mended already
      auto salvage = salvage_log(disk, place());
      for (auto& segment : salvage->segments)
        for (auto& loss : segment.losses) rest.push_back({loss.first, loss.last});
      auto last = repair(rest);
      ASSERT_TRUE(last.ok()) << last.problem().text() << " " << damage();
    }
    for (const Hole& hole : holes()) named.push_back({hole.first, hole.last});
    ASSERT_EQ(named, lost);
    bench.open();
    ASSERT_EQ(bench.partition->applied_lsn(), written);
    bench.crash();
    ASSERT_LT(failing, 500);
  }
}

}  // namespace
}  // namespace headrace::testing_support
