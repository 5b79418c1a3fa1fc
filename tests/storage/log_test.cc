// The log from outside: reading by range, while it is written, across segments; verify; directories.
#include <atomic>
#include <thread>

#include "storage/verify.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

TEST(LogReader, ReadsAnyRange) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  disk.skip_syncs = true;
  Bench bench(scratch.path(), &disk);
  bench.options.segment_bytes = 16 * 1024;
  bench.open();
  std::mt19937_64 random(3);
  for (Lsn lsn = 1; lsn <= 2000; ++lsn) {
    bench.event("k", payload_of(lsn));
    if (random() % 20 == 0) bench.settle();
  }
  bench.settle();
  auto report = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(report.ok());
  EXPECT_GE(report->segments.size(), 4u);
  EXPECT_FALSE(report->damage);
  EXPECT_EQ(report->torn_bytes, 0u);
  EXPECT_EQ(report->segments.back().last_lsn, 2000u);
  for (int i = 0; i < 60; ++i) {
    Lsn from = random() % 2100, through = random() % 2 ? from + random() % 50 : LogReader::unbounded;
    if (through != LogReader::unbounded) through = std::min<Lsn>(through, 2000);
    Lsn first = std::max<Lsn>(from, 1), last = std::min<Lsn>(through, 2000);
    auto payloads = read_payloads(bench.options.place, first, through);
    ASSERT_EQ(payloads.size(), first > last ? 0 : last - first + 1) << from << " " << through;
    for (size_t j = 0; j < payloads.size(); ++j) ASSERT_EQ(payloads[j], payload_of(first + j));
  }
}

TEST(LogReader, SaysWhenThePromiseIsBroken) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  bench.event("k", "x");
  bench.settle();
  auto reader = LogReader::open(bench.options.place, 1, 5);
  ASSERT_TRUE(reader.ok());
  RecordView record;
  auto first = reader->next(record);
  ASSERT_TRUE(first.ok() && *first);
  auto second = reader->next(record);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.problem().text().find("LSN 2 to 5"), std::string::npos) << second.problem().text();
}

TEST(LogReader, ReadsWhileThePartitionWrites) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.segment_bytes = 64 * 1024;
  bench.open();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> read{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      Lsn next = 1;
      while (!stop || next <= bench.partition->durable_lsn_any_thread()) {
        Lsn through = bench.partition->durable_lsn_any_thread();
        if (through < next) continue;
        for (const std::string& payload : read_payloads(bench.options.place, next, through)) {
          ASSERT_EQ(payload, payload_of(next++));
          ++read;
        }
        ASSERT_EQ(next, through + 1);
      }
    });
  }
  for (Lsn lsn = 1; lsn <= 20'000; ++lsn) {
    bench.event("k" + std::to_string(lsn % 100), payload_of(lsn));
    if (lsn % 37 == 0) bench.pump();
    if (lsn % 2000 == 0) bench.settle();
  }
  bench.settle();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(read, 40'000u);
  EXPECT_GE(bench.partition->counters().segments, 2u);
}

TEST(Log, SpareSegmentsAreUsed) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.segment_bytes = 128 * 1024;
  bench.open();
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    std::string noise(8000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    bench.event("k", noise);
    bench.settle();
    ::usleep(500);
  }
  auto report = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->damage);
  size_t filled = 0;
  for (const SegmentReport& segment : report->segments) filled += segment.file_bytes == 128 * 1024;
  EXPECT_GE(filled, report->segments.size() / 2) << report->segments.size();
}

TEST(Log, ABatchLargerThanASegmentFits) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.options.segment_bytes = 16 * 1024;
  bench.open();
  std::mt19937_64 random(5);
  for (int i = 0; i < 5; ++i) {
    std::string noise(100'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    bench.event("k", noise);
    bench.settle();
  }
  Digest live = bench.digest();
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.digest(), live);
  EXPECT_EQ(bench.rebuilt(), live);
}

TEST(Log, CompressesWhatCompresses) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  for (int i = 0; i < 1000; ++i)
    bench.event("user-17", R"({"type":"page_view","page":"/shoes","n":)" + std::to_string(i) + "}");
  bench.settle();
  PartitionCounters counters = bench.partition->counters();
  EXPECT_EQ(counters.records, 1000u);
  EXPECT_LT(counters.bytes_written * 4, counters.bytes_raw);
}

TEST(DataDirectory, IsMadeOnceAndLocked) {
  ScratchDirectory scratch;
  std::string path = scratch.path() + "/data";
  EXPECT_EQ(DataDirectory::open(path, {.access = Access::read_only}).problem().error,
            Error::bad_configuration);
  auto first = DataDirectory::open(path, {.partitions_if_new = 3});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE((*first)->created_now());
  EXPECT_EQ((*first)->partitions(), 3u);
  EXPECT_EQ((*first)->place(2).path, path + "/p002");
  auto second = DataDirectory::open(path, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.problem().error, Error::storage_locked);
  auto reader = DataDirectory::open(path, {.access = Access::read_only});
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->uuid(), (*first)->uuid());
  first->reset();
  auto third = DataDirectory::open(path, {.partitions_if_new = 9});
  ASSERT_TRUE(third.ok());
  EXPECT_EQ((*third)->partitions(), 3u);
  EXPECT_FALSE((*third)->created_now());
  EXPECT_EQ((*third)->uuid(), (*reader)->uuid());
  EXPECT_EQ(to_text((*third)->uuid()).size(), 36u);
}

TEST(DataDirectory, ADamagedManifestIsRefused) {
  ScratchDirectory scratch;
  { ASSERT_TRUE(DataDirectory::open(scratch.path(), {}).ok()); }
  std::string manifest = scratch.path() + "/MANIFEST";
  std::string whole = slurp(manifest);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 2);
    spill(manifest, bytes);
    ASSERT_FALSE(DataDirectory::open(scratch.path(), {}).ok()) << at;
    spill(manifest, std::string_view(whole).substr(0, at));
    ASSERT_FALSE(DataDirectory::open(scratch.path(), {}).ok()) << at;
  }
}

TEST(DataDirectory, RefusesOddNumbersOfPartitionsAndNetworks) {
  ScratchDirectory scratch;
  EXPECT_FALSE(DataDirectory::open(scratch.path(), {.partitions_if_new = 0}).ok());
  EXPECT_FALSE(DataDirectory::open(scratch.path(), {.partitions_if_new = 257}).ok());
  struct NetworkDisk : StrangeDisk {
    Result<bool> is_network(const std::string&) override { return true; }
  } network;
  EXPECT_EQ(DataDirectory::open(scratch.path(), {.disk = &network}).problem().error,
            Error::bad_configuration);
}

}  // namespace
}  // namespace headrace::testing_support
