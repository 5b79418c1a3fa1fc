// The dedup index from the outside: against std::unordered_map through crashes, damage, retention and failing
// disks.
#include "storage/id_index.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>

namespace headrace {
namespace {

namespace fs = std::filesystem;

uint64_t mix(uint64_t x) {
  x += 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

IdHash nth(uint64_t n) { return {mix(2 * n), mix(2 * n + 1)}; }

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    static std::atomic<int> count{0};
    path_ = fs::temp_directory_path() /
            ("headrace_ids_" + std::to_string(::getpid()) + "_" + std::to_string(++count));
    fs::remove_all(path_);
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

std::vector<fs::path> files_of(const std::string& dir, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void flip_bit(const fs::path& path, uint64_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const char old = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(static_cast<char>(old ^ (1 << bit)));
  ASSERT_TRUE(file.good());
}

std::unique_ptr<IdIndex> open(IdIndex::Options options, uint64_t log_end_lsn = UINT64_MAX) {
  auto index = IdIndex::open(std::move(options), log_end_lsn);
  EXPECT_TRUE(index.ok()) << (index.ok() ? "" : index.problem().text());
  return index.ok() ? std::move(*index) : nullptr;
}

// Waits for the background to bring the index into a state.
[[nodiscard]] bool eventually(IdIndex& index, const std::function<bool(const IdIndex::Stats&)>& state) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    index.full();  // takes the news
    if (state(index.stats())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

bool is_merged(const IdIndex::Stats& stats) { return stats.runs <= limits::id_runs_max; }

void add_range(IdIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t lsn = from; lsn <= to; ++lsn) {
    ASSERT_FALSE(index.find(nth(lsn))) << lsn;
    index.add(nth(lsn), lsn);
  }
}

void expect_range(IdIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t lsn = from; lsn <= to; ++lsn) ASSERT_EQ(index.find(nth(lsn)), lsn);
}

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

// What the index should hold, and the log it is rebuilt from.
struct Model {
  std::vector<IdHash> log{{0, 0}};  // by LSN
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> first;
  uint64_t first_lsn = 1;

  uint64_t end() const { return log.size() - 1; }
  std::optional<uint64_t> find(const IdHash& id) const {
    const auto at = first.find({id.high, id.low});
    if (at == first.end() || at->second < first_lsn) return std::nullopt;
    return at->second;
  }
  void add(const IdHash& id) {
    log.push_back(id);
    first[{id.high, id.low}] = end();
  }
  void cut(uint64_t lsn) {
    while (end() > lsn) {
      const auto at = first.find({log.back().high, log.back().low});
      if (at != first.end() && at->second == end()) first.erase(at);
      log.pop_back();
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
    if (dice < 950) return forget();
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
      index_->prefetch(id);
      const auto found = index_->find(id);
      ASSERT_EQ(found, model_.find(id));
      if (found) continue;
      model_.add(id);
      index_->add(id, model_.end());
    }
  }

  void forget() {
    const uint64_t lsn = model_.end() - std::min<uint64_t>(model_.end(), 200 + random_() % 3000);
    model_.first_lsn = std::max(model_.first_lsn, lsn);
    index_->forget_before(lsn);
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
    index_ = open({.dir = dir_.path(), .memory_entries = 64}, model_.end());
    ASSERT_LE(index_->covered(), model_.end());
    index_->forget_before(model_.first_lsn);
    model_.first_lsn = std::max(model_.first_lsn, index_->stats().first_lsn);
    for (uint64_t lsn = index_->covered() + 1; lsn <= model_.end(); ++lsn) index_->add(model_.log[lsn], lsn);
  }

  TemporaryDirectory dir_;
  std::mt19937_64 random_;
  Model model_;
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

TEST(IdIndex, HoldsAMillionIds) {
  TemporaryDirectory dir;
  constexpr uint64_t count = 1'000'000;
  const IdIndex::Options options{.dir = dir.path(), .memory_entries = 64 * 1024};
  auto index = open(options);
  for (uint64_t lsn = 1; lsn <= count; ++lsn) {
    if (lsn + 16 <= count) index->prefetch(nth(lsn + 16));
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
  for (int64_t crash_at = 0; crash_at < 200; ++crash_at) {
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
