// What the tests of the dedup index share: ids by number, directories, damage, waiting for the background.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/id_index.h"

namespace headrace::id_tests {

namespace fs = std::filesystem;

inline uint64_t mix(uint64_t x) {
  x += 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

inline IdHash nth(uint64_t n) { return {mix(2 * n), mix(2 * n + 1)}; }

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

inline std::vector<fs::path> files_of(const std::string& dir, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

inline void flip_bit(const fs::path& path, uint64_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const char old = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(static_cast<char>(old ^ (1 << bit)));
  ASSERT_TRUE(file.good());
}

inline std::unique_ptr<IdIndex> open(IdIndex::Options options, uint64_t log_end_lsn = UINT64_MAX) {
  auto index = IdIndex::open(std::move(options), log_end_lsn);
  EXPECT_TRUE(index.ok()) << (index.ok() ? "" : index.problem().text());
  return index.ok() ? std::move(*index) : nullptr;
}

// Waits for the background to bring the index into a state.
[[nodiscard]] inline bool eventually(IdIndex& index,
                                     const std::function<bool(const IdIndex::Stats&)>& state) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    index.full();  // takes the news
    if (state(index.stats())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

inline bool is_merged(const IdIndex::Stats& stats) { return stats.runs <= limits::id_runs_max; }

inline void add_range(IdIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t lsn = from; lsn <= to; ++lsn) {
    ASSERT_FALSE(index.find(nth(lsn))) << lsn;
    index.add(nth(lsn), lsn);
  }
}

inline void expect_range(IdIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t lsn = from; lsn <= to; ++lsn) ASSERT_EQ(index.find(nth(lsn)), lsn);
}

}  // namespace headrace::id_tests
