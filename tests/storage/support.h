// What the storage tests share: a scratch directory, a fold to project with, a partition with its pump.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/directory.h"
#include "storage/log_reader.h"
#include "storage/partition.h"

namespace headrace::testing_support {

namespace fs = std::filesystem;

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (fs::temp_directory_path() / "headrace-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~ScratchDirectory() { fs::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void spill(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
inline void flip(const std::string& path, size_t at) {
  std::string bytes = slurp(path);
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  spill(path, bytes);
}

// Table 1: per key a count and a hash over the payloads in order. Table 2: one row for all. An event "forget"
// erases the row of its key.
class TallyFold : public Fold {
 public:
  explicit TallyFold(uint64_t definition = 1) : definition_(definition) {}
  void apply(const RecordView& record, Rows& rows, bool replaying) override {
    if (replaying) replayed.push_back(record.lsn);
    project(record, rows);
  }
  void refold(const RecordView& record, Rows& rows) override {
    ++refolded;
    project(record, rows);
  }
  uint64_t definition_digest() const override { return definition_; }

  std::vector<Lsn> replayed;
  uint64_t refolded = 0;

 private:
  void project(const RecordView& record, Rows& rows) {
    if (record.payload == "forget") return rows.erase(1, record.key, record.lsn);
    tally(rows.fold(1, record.key, record.lsn), record);
    tally(rows.fold(2, "all", record.lsn), record);
  }
  void tally(Row* row, const RecordView& record) {
    if (row == nullptr) return;
    uint64_t values[3] = {};
    if (!row->bytes.empty()) std::memcpy(values, row->bytes.data(), sizeof values);
    values[0] += definition_;
    values[1] = hash64(record.payload, values[1]);
    values[2] += static_cast<uint64_t>(record.time);
    row->bytes.assign({reinterpret_cast<const char*>(values), sizeof values});
    if (record.payload.size() > 100) row->bytes.append(record.payload);  // rows of many sizes
  }

  uint64_t definition_;
};

inline uint64_t tally_of(const Row* row) {
  uint64_t count = 0;
  if (row != nullptr) std::memcpy(&count, row->bytes.data(), sizeof count);
  return count;
}

inline TableDefinition orders_table(uint32_t version = 1) {
  TableDefinition table{.table = 7, .name = "orders", .version = version, .indexes = {}};
  // value: "status|customer": index 0 by status, index 1 by customer and status
  table.indexes.push_back([](std::string_view, std::string_view value, IndexKeys& out) {
    out.emplace_back(value.substr(0, value.find('|')));
  });
  table.indexes.push_back([](std::string_view, std::string_view value, IndexKeys& out) {
    size_t bar = value.find('|');
    if (bar != std::string_view::npos)
      out.push_back(std::string(value.substr(bar + 1)) + "/" + std::string(value.substr(0, bar)));
  });
  return table;
}

// A data directory with one partition, opened and closed at will.
class Bench {
 public:
  explicit Bench(const std::string& path, Disk* disk = &system_disk()) {
    auto opened = DataDirectory::open(path, {.partitions_if_new = 1, .disk = disk});
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.problem().text());
    directory = std::move(*opened);
    options.place = directory->place(0);
    options.key = &directory->signing_key();
    options.disk = disk;
    options.tables = {orders_table()};
    options.segment_bytes = 256 * 1024;
    options.state_map_bytes = size_t{1} << 30;
    options.checkpoint_age_us = 2'000;
    options.free_bytes_min = 0;
    options.fail_stop = [this](const Problem& problem) {
      std::lock_guard lock(failure_mutex);
      failures.push_back(problem);
    };
  }

  Result<> try_open() {
    auto opened = Partition::open(options, *fold);
    if (!opened) return opened.problem();
    partition = std::move(*opened);
    return Done{};
  }
  void open() {
    auto done = try_open();
    ASSERT_TRUE(done.ok()) << done.problem().text();
  }
  void crash() { partition.reset(); }  // what was handed to the threads still gets done, the rest is lost
  void close() {
    auto done = partition->close();
    ASSERT_TRUE(done.ok()) << done.problem().text();
    partition.reset();
  }
  void pump() {
    partition->hurry();
    partition->pump();
  }
  void settle() {  // everything appended becomes durable
    for (int i = 0; partition->durable_lsn() < partition->applied_lsn(); ++i) {
      ASSERT_LT(i, 200'000);
      pump();
      if (i > 10) ::usleep(50);
    }
  }
  Lsn event(std::string_view key, std::string_view payload) {
    auto lsn = partition->append(Kind::event, 1, key, payload);
    EXPECT_TRUE(lsn.ok()) << (lsn.ok() ? "" : lsn.problem().text());
    return lsn.ok() ? *lsn : 0;
  }
  Lsn put(std::string_view key, std::string_view value) {
    Change change;
    change.put(7, key, value);
    auto lsn = partition->commit(change);
    EXPECT_TRUE(lsn.ok());
    return lsn.ok() ? *lsn : 0;
  }
  Digest digest() {
    auto counted = partition->full_digest();
    EXPECT_TRUE(counted.ok()) << (counted.ok() ? "" : counted.problem().text());
    return counted.ok() ? *counted : Digest{};
  }
  Digest rebuilt() {  // from everything appended
    if (partition) settle();
    TallyFold fresh(fold->definition_digest());
    auto result = rebuild(options, options.place.path + "/rebuild", fresh);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.problem().text());
    return result.ok() ? result->digest : Digest{};
  }
  std::string segment(uint32_t id) const {
    std::string digits = std::to_string(id);
    return options.place.log() + "/" + std::string(10 - digits.size(), '0') + digits + ".seg";
  }

  bool failed() {
    std::lock_guard lock(failure_mutex);
    return !failures.empty();
  }

  std::mutex failure_mutex;
  std::vector<Problem> failures;
  std::unique_ptr<DataDirectory> directory;
  PartitionOptions options;
  std::unique_ptr<TallyFold> fold = std::make_unique<TallyFold>();
  std::unique_ptr<Partition> partition;
};

// The payload that tests write as record `lsn`.
inline std::string payload_of(Lsn lsn, uint64_t seed = 0) {
  std::mt19937_64 random(lsn * 1000003 + seed);
  std::string payload = "{\"n\":" + std::to_string(lsn) + ",\"x\":\"";
  const char letter = static_cast<char>('a' + random() % 26);  // in this order under every compiler
  payload.append(random() % 200, letter);
  return payload + "\"}";
}

inline std::vector<std::string> read_payloads(const PartitionPlace& place, Lsn from = 1,
                                              Lsn through = LogReader::unbounded) {
  std::vector<std::string> payloads;
  auto reader = LogReader::open(place, from, through);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.problem().text());
  if (!reader.ok()) return payloads;
  RecordView record;
  while (true) {
    auto more = reader->next(record);
    EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.problem().text());
    if (!more.ok() || !*more) return payloads;
    EXPECT_EQ(record.lsn, from + payloads.size());
    payloads.emplace_back(record.payload);
  }
}

}  // namespace headrace::testing_support
