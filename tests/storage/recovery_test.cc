// Recovery of logs and states that crashes and bad disks left: torn tails are cut, damage is refused.
#include "storage/segment_format.h"
#include "storage/verify.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

// A log of `batches` batches of three records each, without any checkpoint.
class Recovery : public ::testing::Test {
 protected:
  void write(int batches) {
    bench.options.checkpoint_age_us = hour_us;
    bench.open();
    for (int i = 0; i < batches; ++i) {
      offsets.push_back(end_of_log());
      for (int j = 0; j < 3; ++j)
        bench.event("k" + std::to_string(j), payload_of(bench.partition->applied_lsn() + 1));
      bench.settle();
    }
    offsets.push_back(end_of_log());
    bench.crash();
  }
  size_t end_of_log() {
    auto report = inspect_log(bench.options.place, Depth::headers);
    EXPECT_TRUE(report.ok());
    return report->segments.back().bytes_used;
  }
  // Opens; on success the log must hold exactly the first `records` and go on.
  void expect_recovers(Lsn records) {
    auto done = bench.try_open();
    ASSERT_TRUE(done.ok()) << done.problem().text();
    ASSERT_EQ(bench.partition->applied_lsn(), records);
    EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), records);
    ASSERT_EQ(bench.event("k", payload_of(records + 1)), records + 1);
    bench.settle();
    auto payloads = read_payloads(bench.options.place);
    ASSERT_EQ(payloads.size(), records + 1);
    for (Lsn lsn = 1; lsn <= records + 1; ++lsn) ASSERT_EQ(payloads[lsn - 1], payload_of(lsn));
    bench.crash();
  }
  void expect_refused(Lsn first, Lsn last) {
    auto done = bench.try_open();
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.problem().error, Error::storage_damaged);
    std::string text = done.problem().text();
    std::string range = first == last ? "LSN " + std::to_string(first)
                                      : "LSN " + std::to_string(first) + " to " + std::to_string(last);
    EXPECT_NE(text.find(range), std::string::npos) << text << " should name " << range;
    EXPECT_NE(text.find(".seg"), std::string::npos) << text;
    EXPECT_NE(text.find("byte"), std::string::npos) << text;
  }
  void save() { fs::copy(scratch.path(), saved.path() + "/d", fs::copy_options::recursive); }
  void restore() {
    fs::remove_all(bench.options.place.path);
    fs::copy(saved.path() + "/d/p000", bench.options.place.path, fs::copy_options::recursive);
  }

  Recovery() { disk.skip_syncs = true; }  // for speed: these tests cut files themselves

  ScratchDirectory scratch, saved;
  StrangeDisk disk;
  Bench bench{scratch.path(), &disk};
  std::vector<size_t> offsets;  // of batch i; the last is the end
};

TEST_F(Recovery, EveryTruncationOfTheLastBatchIsATornTail) {
  write(3);
  save();
  std::string whole = slurp(bench.segment(1));
  uint32_t length = 0;
  std::memcpy(&length, whole.data() + offsets[2] + 8, sizeof length);
  for (size_t size = offsets[2]; size < offsets[3]; ++size) {
    SCOPED_TRACE(size);
    restore();
    fs::resize_file(bench.segment(1), size);
    ASSERT_NO_FATAL_FAILURE(expect_recovers(size < offsets[2] + length ? 6 : 9));  // behind it is padding
  }
  // The same with the lost bytes as zeros, as zero-filled segments leave it.
  for (size_t size = offsets[2]; size < offsets[3]; size += 3) {
    SCOPED_TRACE(size);
    restore();
    std::string torn = whole;
    size_t last_used = torn.find_last_not_of('\0', offsets[3] - 1) + 1;
    if (size >= last_used) continue;
    std::fill(torn.begin() + static_cast<ptrdiff_t>(size), torn.end(), '\0');
    spill(bench.segment(1), torn);
    ASSERT_NO_FATAL_FAILURE(expect_recovers(6));
  }
}

TEST_F(Recovery, TornSectorsOfTheLastBatchAreCutAndStayCut) {
  write(3);
  save();
  for (size_t at = offsets[2]; at < offsets[3]; at += 7) {
    SCOPED_TRACE(at);
    restore();
    std::string bytes = slurp(bench.segment(1));
    if (bytes[at] == 0) continue;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    spill(bench.segment(1), bytes);
    ASSERT_NO_FATAL_FAILURE(expect_recovers(6));
    ASSERT_NO_FATAL_FAILURE(
        expect_recovers(7));  // its new batch was acked; again from what that recovery left
  }
}

TEST_F(Recovery, DamageBeforeTheLastBatchIsRefused) {
  write(4);
  save();
  for (size_t batch = 0; batch < 3; ++batch) {
    for (size_t at = offsets[batch]; at < offsets[batch + 1]; at += 5) {
      SCOPED_TRACE(at);
      restore();
      std::string bytes = slurp(bench.segment(1));
      if (at >= offsets[batch + 1] - 7 && bytes[at] == 0) continue;  // padding is not covered, nor is it data
      bytes[at] = static_cast<char>(bytes[at] ^ 0x01);
      spill(bench.segment(1), bytes);
      ASSERT_NO_FATAL_FAILURE(expect_refused(batch * 3 + 1, batch * 3 + 3));
    }
  }
}

TEST_F(Recovery, ABatchMissingFromTheMiddleIsRefused) {
  write(4);
  std::string bytes = slurp(bench.segment(1));
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(offsets[1]),
            bytes.begin() + static_cast<ptrdiff_t>(offsets[2]), '\0');
  spill(bench.segment(1), bytes);
  expect_refused(4, 6);
}

TEST_F(Recovery, WhatACheckpointSawMustBeThere) {
  write(3);
  bench.open();
  bench.close();  // CKPT now says 9
  fs::resize_file(bench.segment(2), segment_header_bytes);
  expect_refused(7, 9);
}

TEST_F(Recovery, TheTailIsMovedToANewSegment) {
  write(3);
  bench.open();
  EXPECT_EQ(bench.partition->recovery().batches_rewritten, 1u);
  EXPECT_TRUE(fs::exists(bench.segment(2)));
  EXPECT_EQ(fs::file_size(bench.segment(1)), offsets[2]);
  bench.crash();
  // A crash between the new segment and the cut of the old one: the old copy is void.
  expect_recovers(9);
}

TEST_F(Recovery, ACrashBeforeTheOldTailIsCutLeavesItVoid) {
  write(3);
  save();
  bench.open();
  bench.crash();
  fs::copy_file(saved.path() + "/d/p000/log/0000000001.seg", bench.segment(1),
                fs::copy_options::overwrite_existing);
  expect_recovers(9);
}

TEST_F(Recovery, AForeignSegmentIsRefused) {
  write(2);
  ScratchDirectory other_scratch;
  Bench other(other_scratch.path());
  other.open();
  other.event("k", "x");
  other.settle();
  other.crash();
  fs::copy_file(other.segment(1), bench.segment(1), fs::copy_options::overwrite_existing);
  auto done = bench.try_open();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.problem().error, Error::storage_damaged);
}

TEST_F(Recovery, AClientCannotForgeABatchBehindATornTail) {
  // The last batch is torn, and its payload holds a whole batch that another directory would find valid.
  ScratchDirectory other_scratch;
  Bench other(other_scratch.path());
  other.open();
  for (int i = 0; i < 7; ++i) {
    other.event("k", "x");
    other.settle();
  }
  other.crash();
  auto made = inspect_log(other.options.place, Depth::records);
  ASSERT_TRUE(made.ok());
  std::string forged = slurp(other.segment(1)).substr(made->segments[0].bytes_used - 72, 72);  // LSN 7
  ASSERT_EQ(forged.substr(0, 2), "HB");
  write(2);
  save();
  for (size_t pad = 0; pad < 8; ++pad) {
    SCOPED_TRACE(pad);
    restore();
    bench.open();
    size_t at = end_of_log();
    bench.event("k", std::string(pad, 'x') + forged);
    bench.settle();
    bench.crash();
    flip(bench.segment(2), at + batch_header_bytes);
    ASSERT_NO_FATAL_FAILURE(expect_recovers(6));
  }
}

TEST_F(Recovery, MissingSegmentsAreRefused) {
  bench.options.segment_bytes = 8192;
  write(40);
  auto segments = inspect_log(bench.options.place, Depth::headers);
  ASSERT_TRUE(segments.ok());
  ASSERT_GE(segments->segments.size(), 4u);
  save();
  fs::remove(segments->segments[1].path);
  EXPECT_EQ(bench.try_open().problem().error, Error::storage_damaged);
  restore();
  fs::remove(segments->segments[0].path);
  EXPECT_EQ(bench.try_open().problem().error, Error::storage_damaged);
  restore();
  bench.open();
  bench.close();
  for (const auto& entry : fs::directory_iterator(bench.options.place.log())) fs::remove(entry);
  auto done = bench.try_open();
  EXPECT_EQ(done.problem().error, Error::storage_damaged);
  EXPECT_NE(done.problem().text().find("LSN 1 to 120"), std::string::npos) << done.problem().text();
}

TEST_F(Recovery, DamageInASealedSegmentIsRefused) {
  bench.options.segment_bytes = 8192;
  write(40);
  auto report = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->damage);
  EXPECT_EQ(report->records_by_kind[1], 120u);
  const SegmentReport& sealed = report->segments[1];
  flip(sealed.path, segment_header_bytes + batch_header_bytes + 8);  // in the first batch
  auto after = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(after.ok());
  ASSERT_TRUE(after->damage);
  EXPECT_NE(after->damage->text().find(std::to_string(sealed.first_lsn)), std::string::npos);
  EXPECT_FALSE(bench.try_open().ok());
}

// Checkpoints.

class CheckpointRecovery : public ::testing::Test {
 protected:
  void SetUp() override {
    bench.options.checkpoint_age_us = 0;
    bench.open();
    for (Lsn lsn = 1; lsn <= 4000; ++lsn) {
      bench.event("k" + std::to_string(lsn % 700), payload_of(lsn));
      if (lsn % 10 == 0) bench.put("o" + std::to_string(lsn % 300), lsn % 3 ? "open|ann" : "paid|bob");
      if (lsn % 50 == 0) bench.settle();
    }
    // Their other half is a thread's, which may be late.
    for (int i = 0; i < 2000 && bench.partition->counters().checkpoints < 4; ++i) {
      bench.event("more", payload_of(1)), ++events;
      bench.settle();
    }
    bench.settle();
    ASSERT_GE(bench.partition->counters().checkpoints, 4u);
    digest = bench.digest(), records = bench.partition->applied_lsn();
    bench.crash();
  }
  // Every copy of `text` in any page, live or free, gets another first letter.
  void flip_all(std::string_view text, char letter) {
    std::string path = bench.options.place.state() + "/data.mdb", bytes = slurp(path);
    for (size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) bytes[at] = letter;
    spill(path, bytes);
  }
  std::string ckpt() const { return bench.options.place.checkpoint(); }

  ScratchDirectory scratch;
  Bench bench{scratch.path()};
  Digest digest;
  Lsn events = 4000, records = 0;  // that the crash left; the other records are of documents
};

TEST_F(CheckpointRecovery, EitherSlotAloneIsEnough) {
  ScratchDirectory saved;
  fs::copy(scratch.path(), saved.path() + "/d", fs::copy_options::recursive);
  for (size_t slot : {size_t{0}, size_t{1}}) {
    fs::remove_all(bench.options.place.path);
    fs::copy(saved.path() + "/d/p000", bench.options.place.path, fs::copy_options::recursive);
    flip(ckpt(), slot * 4096 + 100);
    bench.open();
    EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
    EXPECT_EQ(bench.digest(), digest);
    EXPECT_EQ(bench.rebuilt(), digest);
    bench.close();
    bench.open();  // and the next checkpoints are good ones
    EXPECT_EQ(bench.partition->recovery().records_replayed, 0u);
    EXPECT_EQ(bench.digest(), digest);
    bench.crash();
  }
}

TEST_F(CheckpointRecovery, WithoutSlotsTheStateIsMadeAnew) {
  flip(ckpt(), 100);
  flip(ckpt(), 4096 + 100);
  bench.open();
  EXPECT_EQ(bench.partition->recovery().state_rebuilt, "there is no valid checkpoint");
  EXPECT_EQ(bench.partition->recovery().records_replayed, records);
  EXPECT_EQ(bench.digest(), digest);
  bench.close();
  bench.open();
  EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
  EXPECT_EQ(bench.digest(), digest);
}

TEST_F(CheckpointRecovery, WithoutItsFileTheStateIsMadeAnew) {
  fs::remove(bench.options.place.state() + "/data.mdb");
  bench.open();
  EXPECT_NE(bench.partition->recovery().state_rebuilt, "");
  EXPECT_EQ(bench.digest(), digest);
  EXPECT_EQ(bench.fold->refolded + bench.fold->replayed.size(), events);
  EXPECT_TRUE(bench.fold->replayed.empty());  // the slots still knew what was acknowledged
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
  EXPECT_EQ(bench.digest(), digest);
}

TEST_F(CheckpointRecovery, ASmallStateIsReadWholeAtTheStart) {
  flip_all("paid|bob", 'P');
  bench.open();
  EXPECT_NE(bench.partition->recovery().state_rebuilt, "");
  EXPECT_FALSE(bench.failed());
  EXPECT_EQ(bench.digest(), digest);
}

TEST_F(CheckpointRecovery, AFlippedBitInAValueIsNeverServed) {
  bench.options.state_check_bytes_max = 0;
  std::string path = bench.options.place.state() + "/data.mdb";
  std::string bytes = slurp(path);
  size_t hits = 0;
  // Every copy of this document in any page, live or free.
  for (size_t at = bytes.find("paid|bob"); at != std::string::npos; at = bytes.find("paid|bob", at + 1)) {
    bytes[at] = 'P';
    ++hits;
  }
  ASSERT_GT(hits, 0u);
  spill(path, bytes);
  bench.open();
  bool served = false;
  for (int i = 0; i < 300; i += 10) {
    auto value = bench.partition->documents().find(7, "o" + std::to_string(i));
    served = served || (value && value->starts_with("Paid"));
  }
  EXPECT_FALSE(served);
  ASSERT_FALSE(bench.failures.empty());
  EXPECT_EQ(bench.failures.front().error, Error::storage_damaged);
}

TEST_F(CheckpointRecovery, AFlippedBitInAKeyIsNoAbsentDocument) {
  bench.options.state_check_bytes_max = 0;
  bench.open();
  for (const char* absent : {"a", "o15", "o9999", "z"}) EXPECT_FALSE(bench.partition->documents().find(7, absent));
  EXPECT_TRUE(bench.partition->documents().find(7, "o120"));
  EXPECT_FALSE(bench.failed());
  bench.crash();
  flip_all("o120", 'q');
  bench.open();
  EXPECT_FALSE(bench.partition->documents().find(7, "o120"));
  ASSERT_TRUE(bench.failed()) << "it was answered as if it had never been there";
  EXPECT_EQ(bench.failures.front().error, Error::storage_damaged);
}

TEST_F(CheckpointRecovery, IndexesAreRebuiltWhenTheirDefinitionChanges) {
  bench.options.tables = {orders_table(2)};
  bench.open();
  EXPECT_EQ(bench.digest(), digest);
  bench.close();
  bench.options.tables = {};
  bench.open();
  EXPECT_NE(bench.digest(), digest);
  EXPECT_EQ(bench.rebuilt(), bench.digest());
  bench.close();
  bench.options.tables = {orders_table()};
  bench.open();
  EXPECT_EQ(bench.digest(), digest);
}

TEST_F(CheckpointRecovery, RecoveryItselfMayCrashAnyNumberOfTimes) {
  for (int i = 0; i < 5; ++i) {
    bench.open();
    bench.event("k1", payload_of(static_cast<Lsn>(i)));
    bench.settle();
    bench.crash();
  }
  bench.open();
  EXPECT_EQ(bench.partition->applied_lsn(), records + 5);
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

}  // namespace
}  // namespace headrace::testing_support
