// StrangeDisk: the real disk with switches: syncs skipped, the n-th operation failing, syncs of some file
// held up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/disk.h"

namespace headrace::testing_support {

class StrangeDisk : public Disk {
 public:
  // What happens to operation `what` on `path`; any thread.
  using Rule = std::function<Result<>(std::string_view what, const std::string& path)>;

  bool skip_syncs = false;
  std::atomic<uint64_t> free_bytes{UINT64_MAX};  // what space() says; UINT64_MAX: the truth

  void set_rule(Rule rule) {
    std::lock_guard lock(mutex_);
    rule_ = std::move(rule);
  }
  void fail_at(int countdown) {  // that operation and all later ones
    set_rule([countdown](std::string_view what, const std::string& path) mutable -> Result<> {
      if (--countdown > 0) return Done{};
      return Problem(Error::storage_io, std::string(what) + " of " + path + ": made to fail");
    });
  }
  // Holds up operation `what` on files whose path ends with `suffix` until release().
  void hold(std::string what, std::string suffix) {
    std::lock_guard lock(mutex_);
    held_what_ = std::move(what);
    held_suffix_ = std::move(suffix);
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_what_.clear();
    changed_.notify_all();
  }
  int waiting() {
    std::lock_guard lock(mutex_);
    return waiting_;
  }
  uint64_t operations() {
    std::lock_guard lock(mutex_);
    return operations_;
  }

  Result<> ask(std::string_view what, const std::string& path) {
    std::unique_lock lock(mutex_);
    ++operations_;
    if (!held_what_.empty() && what == held_what_ && path.ends_with(held_suffix_)) {
      ++waiting_;
      changed_.wait(lock, [&] { return held_what_.empty(); });
      --waiting_;
    }
    return rule_ ? rule_(what, path) : Done{};
  }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override { return system_disk().exists(path); }
  Result<> create_directory(const std::string& path) override {
    TRY_DONE(ask("mkdir", path));
    return system_disk().create_directory(path);
  }
  Result<> sync_directory(const std::string& path) override {
    TRY_DONE(ask("sync_directory", path));
    return skip_syncs ? Done{} : system_disk().sync_directory(path);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    TRY_DONE(ask("rename", from));
    return system_disk().rename(from, to);
  }
  Result<> remove(const std::string& path) override {
    TRY_DONE(ask("remove", path));
    return system_disk().remove(path);
  }
  Result<std::vector<std::string>> list(const std::string& path) override { return system_disk().list(path); }
  Result<Space> space(const std::string& path) override {
    auto space = system_disk().space(path);
    if (space.ok() && free_bytes != UINT64_MAX) space->free_bytes = free_bytes;
    return space;
  }
  Result<bool> is_network(const std::string& path) override { return system_disk().is_network(path); }
  Result<std::shared_ptr<void>> lock(const std::string& path) override { return system_disk().lock(path); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Rule rule_;
  std::string held_what_, held_suffix_;
  int waiting_ = 0;
  uint64_t operations_ = 0;
};

class StrangeFile : public File {
 public:
  StrangeFile(StrangeDisk& disk, std::string path, std::unique_ptr<File> real)
      : disk_(disk), path_(std::move(path)), real_(std::move(real)) {}

  Result<> write_at(std::string_view bytes, uint64_t offset) override {
    auto fine = disk_.ask("write", path_);
    if (fine.ok()) return real_->write_at(bytes, offset);
    (void)real_->write_at(bytes.substr(0, bytes.size() / 2), offset);  // a short write, then the error
    return fine;
  }
  Result<size_t> read_at(char* out, size_t size, uint64_t offset) override {
    return real_->read_at(out, size, offset);
  }
  Result<> sync_data() override {
    TRY_DONE(disk_.ask("sync", path_));
    return disk_.skip_syncs ? Done{} : real_->sync_data();
  }
  Result<> sync() override {
    TRY_DONE(disk_.ask("sync", path_));
    return disk_.skip_syncs ? Done{} : real_->sync();
  }
  Result<> write_back(uint64_t offset, uint64_t bytes) override {
    TRY_DONE(disk_.ask("write_back", path_));
    return disk_.skip_syncs ? Done{} : real_->write_back(offset, bytes);
  }
  Result<> truncate(uint64_t size) override {
    TRY_DONE(disk_.ask("truncate", path_));
    return real_->truncate(size);
  }
  Result<uint64_t> size() override { return real_->size(); }

 private:
  StrangeDisk& disk_;
  std::string path_;
  std::unique_ptr<File> real_;
};

inline Result<std::unique_ptr<File>> StrangeDisk::open(const std::string& path, OpenMode mode) {
  if (mode != OpenMode::read) TRY_DONE(ask("open", path));
  auto real = system_disk().open(path, mode);
  if (!real) return real.problem();
  return std::unique_ptr<File>(std::make_unique<StrangeFile>(*this, path, std::move(*real)));
}

}  // namespace headrace::testing_support
