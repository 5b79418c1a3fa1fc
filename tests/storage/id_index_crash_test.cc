// The dedup index against a map through crashes, damage, retention, lost log tails and failing disks.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <unordered_map>

#include "tests/storage/id_index_support.h"

namespace headrace {
namespace {

using namespace id_tests;

// What the index should hold, and the log it is rebuilt from.
struct Model {
  std::vector<IdHash> log{{0, 0}};  // by LSN
  std::vector<Micros> times{0};
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> first;
  uint64_t first_lsn = 1;

  uint64_t end() const { return log.size() - 1; }
  std::optional<uint64_t> find(const IdHash& id) const {
    const auto at = first.find({id.high, id.low});
    if (at == first.end() || at->second < first_lsn) return std::nullopt;
    return at->second;
  }
  void add(const IdHash& id, Micros time) {
    log.push_back(id);
    times.push_back(time);
    first[{id.high, id.low}] = end();
  }
  void cut(uint64_t lsn) {
    while (end() > lsn) {
      const auto at = first.find({log.back().high, log.back().low});
      if (at != first.end() && at->second == end()) first.erase(at);
      log.pop_back();
      times.pop_back();
    }
  }
};

class RandomWalk {
 public:
  explicit RandomWalk(uint64_t seed) : random_(seed) { reopen(); }

  void step() {
    const uint64_t dice = random_() % 1000;
    if (dice < 900) return intake(1 + random_() % 50);
    if (dice < 930) return look_up(100);
    if (dice < 940) return forget();
    if (dice < 950) return grow_old();
    if (dice < 960) return flush();
    if (dice < 970) return void(eventually(*index_, is_merged));
    close(dice < 980);
    if (dice >= 990) harm();
    reopen();
  }

  void look_up(int count) {
    for (int i = 0; i < count; ++i) {
      const IdHash id = some_id();
      ASSERT_EQ(index_->find(id), model_.find(id));
    }
  }

 private:
  IdHash some_id() { return nth(random_() % (model_.end() + 200)); }

  void intake(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const IdHash id = random_() % 4 == 0 ? some_id() : nth(model_.end() + i);
      index_->expect(id);
      const auto found = index_->find(id);
      ASSERT_EQ(found, model_.find(id));
      if (found) continue;
      now_ += static_cast<Micros>(random_() % 2'000);
      model_.add(id, now_);
      index_->add(id, model_.end(), now_);
    }
  }

  void forget() {
    const uint64_t lsn = model_.end() - std::min<uint64_t>(model_.end(), 200 + random_() % 3000);
    model_.first_lsn = std::max(model_.first_lsn, lsn);
    index_->forget_before(lsn);
  }

  // The index may know an id for longer than its window, if it was harmed, but never for less.
  void grow_old() {
    now_ += random_() % 4 == 0 ? window : 0;
    index_->forget_older(now_);
    const uint64_t first = index_->stats().first_lsn;
    if (first > model_.first_lsn) {
      ASSERT_GT(now_ - model_.times[first - 1], window);
    }
    model_.first_lsn = std::max(model_.first_lsn, first);
  }

  void flush() {
    ASSERT_TRUE(index_->flush().ok());
    ASSERT_EQ(index_->covered(), model_.end());
  }

  void close(bool cleanly) {
    if (cleanly) flush();
    index_.reset();
  }

  // What a crash, a careless person or a bad disk may do to the directory.
  void harm() {
    const auto runs = files_of(dir_.path(), ".run");
    if (random_() % 3 == 0) model_.cut(model_.end() - std::min<uint64_t>(model_.end(), random_() % 100));
    if (random_() % 3 == 0) fs::remove(dir_.path() + "/FLOOR");
    if (runs.empty()) return;
    const auto& run = runs[random_() % runs.size()];
    const uint64_t size = fs::file_size(run);
    switch (random_() % 4) {
      case 0:
        return void(fs::remove(run));
      case 1:
        return fs::resize_file(run, random_() % size);
      case 2:
        return fs::rename(run, run.string() + ".tmp");
      default:
        return flip_bit(run, random_() % 88, static_cast<int>(random_() % 8));  // of the header
    }
  }

  void reopen() {
    index_ = open({.dir = dir_.path(), .memory_entries = 64, .window_us = window}, model_.end());
    ASSERT_LE(index_->covered(), model_.end());
    index_->forget_before(model_.first_lsn);
    model_.first_lsn = std::max(model_.first_lsn, index_->stats().first_lsn);
    for (uint64_t lsn = index_->covered() + 1; lsn <= model_.end(); ++lsn)
      index_->add(model_.log[lsn], lsn, model_.times[lsn]);
  }

  static constexpr Micros window = 2 * second_us;  // about 2,000 ids

  TemporaryDirectory dir_;
  std::mt19937_64 random_;
  Model model_;
  Micros now_ = day_us;
  std::unique_ptr<IdIndex> index_;
};

TEST(IdIndex, AgreesWithAMapThroughCrashesAndDamage) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    RandomWalk walk(seed);
    for (int i = 0; i < 700 && !testing::Test::HasFatalFailure(); ++i) walk.step();
    walk.look_up(5000);
  }
}

// A disk that fails: from the nth writing operation on all of them (as after a crash), or while told to.
class FailingDisk final : public Disk {
 public:
  std::atomic<int64_t> operations_left{INT64_MAX};
  std::atomic<bool> failing{false};

  bool may_write() { return !failing && operations_left.fetch_sub(1) > 0; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (mode != OpenMode::read && !may_write()) return Error::storage_io;
    auto file = below_.open(path, mode);
    if (!file.ok()) return file;
    return std::unique_ptr<File>(new FailingFile(*this, std::move(*file)));
  }
  Result<bool> exists(const std::string& path) override { return below_.exists(path); }
  Result<> create_directory(const std::string& path) override { return below_.create_directory(path); }
  Result<> sync_directory(const std::string& path) override {
    return guarded([&] { return below_.sync_directory(path); });
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    return guarded([&] { return below_.rename(from, to); });
  }
  Result<> remove(const std::string& path) override {
    return guarded([&] { return below_.remove(path); });
  }
  Result<std::vector<std::string>> list(const std::string& path) override { return below_.list(path); }
  Result<Space> space(const std::string& path) override { return below_.space(path); }
  Result<bool> is_network(const std::string& path) override { return below_.is_network(path); }
  Result<std::shared_ptr<void>> lock(const std::string& path) override { return below_.lock(path); }

 private:
  class FailingFile final : public File {
   public:
    FailingFile(FailingDisk& disk, std::unique_ptr<File> below) : disk_(disk), below_(std::move(below)) {}
    Result<> write_at(std::string_view bytes, uint64_t offset) override {
      if (disk_.may_write()) return below_->write_at(bytes, offset);
      (void)below_->write_at(bytes.substr(0, bytes.size() / 2), offset);  // torn
      return Error::storage_io;
    }
    Result<size_t> read_at(char* out, size_t size, uint64_t offset) override {
      return below_->read_at(out, size, offset);
    }
    Result<> sync_data() override {
      return disk_.guarded([&] { return below_->sync_data(); });
    }
    Result<> sync() override {
      return disk_.guarded([&] { return below_->sync(); });
    }
    Result<> truncate(uint64_t size) override {
      return disk_.guarded([&] { return below_->truncate(size); });
    }
    Result<uint64_t> size() override { return below_->size(); }

   private:
    FailingDisk& disk_;
    std::unique_ptr<File> below_;
  };

  Result<> guarded(const std::function<Result<>()>& operation) {
    if (!may_write()) return Error::storage_io;
    return operation();
  }

  Disk& below_ = system_disk();
};

// Adds ids until `end`, or until the disk has crashed and no more fit; returns the last LSN.
uint64_t add_until_crash(IdIndex& index, const FailingDisk& disk, uint64_t end) {
  const auto crashed = [&] { return disk.operations_left < 0; };
  uint64_t lsn = 0;
  while (lsn < end && !index.full()) {
    index.add(nth(lsn + 1), lsn + 1);
    ++lsn;
    if (lsn % 500 == 0) index.forget_before(lsn - 400);
    const auto keeps_up = [&](const auto&) { return crashed() || index.covered() + 66 > lsn; };
    EXPECT_TRUE(eventually(index, keeps_up));
  }
  EXPECT_TRUE(eventually(index, [&](const auto& stats) { return crashed() || is_merged(stats); }));
  return lsn;
}

TEST(IdIndex, SurvivesACrashAtEveryWrite) {
  uint64_t crashes = 0;
  for (int64_t crash_at = 1; crash_at <= 200; ++crash_at) {  // the first operation is the open's own sync
    SCOPED_TRACE(crash_at);
    TemporaryDirectory dir;
    FailingDisk disk;
    uint64_t end = 0;
    {
      disk.operations_left = crash_at;
      auto index = IdIndex::open({.dir = dir.path(), .memory_entries = 64, .disk = &disk}, UINT64_MAX);
      ASSERT_TRUE(index.ok());
      end = add_until_crash(**index, disk, 1500);
      expect_range(**index, (*index)->stats().first_lsn, end);
    }
    crashes += disk.operations_left < 0;
    auto index = open({.dir = dir.path(), .memory_entries = 64}, end);
    ASSERT_LE(index->covered(), end);
    for (uint64_t lsn = index->covered() + 1; lsn <= end; ++lsn) index->add(nth(lsn), lsn);
    expect_range(*index, index->stats().first_lsn, end);
  }
  EXPECT_EQ(crashes, 200u);
}

TEST(IdIndex, WaitsOutAFailingDisk) {
  TemporaryDirectory dir;
  FailingDisk disk;
  auto index = open({.dir = dir.path(), .memory_entries = 64, .disk = &disk});
  disk.failing = true;
  uint64_t end = 0;
  for (; !index->full(); ++end) index->add(nth(end + 1), end + 1);
  EXPECT_EQ(end, 64 + 64 * limits::id_table_growth_max);  // the frozen table, and one grown to its bound
  expect_range(*index, 1, end);
  EXPECT_FALSE(index->flush().ok());
  EXPECT_GT(index->stats().write_failures, 0u);
  EXPECT_GT(index->stats().growths, 0u);
  EXPECT_EQ(index->covered(), 0u);
  std::thread mend([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    disk.failing = false;
  });
  index->add(nth(end + 1), end + 1);  // stands still until the disk is mended
  mend.join();
  EXPECT_EQ(index->stats().waits, 1u);
  EXPECT_TRUE(index->flush().ok());
  EXPECT_EQ(index->covered(), end + 1);
  expect_range(*index, 1, end + 1);
}

}  // namespace
}  // namespace headrace
