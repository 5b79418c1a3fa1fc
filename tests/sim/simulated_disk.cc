// Every operation twice: on the real file, and in the state beside it.
#include "tests/sim/simulated_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "tests/sim/libc.h"
#include "tests/sim/schedule.h"

namespace headrace::sim {
namespace {

int refuse(int error) {
  errno = error;
  return -1;
}

uint64_t size_of(int fd) {
  struct stat about;
  CHECK(::fstat(fd, &about) == 0);
  return static_cast<uint64_t>(about.st_size);
}

}  // namespace

SimulatedDisk* SimulatedDisk::active_ = nullptr;

std::string_view name_of(Call call) {
  constexpr std::string_view names[] = {"open",     "create", "write",  "sync",           "sync_directory",
                                        "truncate", "rename", "remove", "make_directory", "map"};
  return names[static_cast<size_t>(call)];
}

SimulatedDisk::SimulatedDisk(std::string root, DiskState state)
    : root_(std::move(root)), state_(std::move(state)) {
  CHECK(active_ == nullptr);
  std::filesystem::remove_all(root_);
  std::filesystem::create_directories(root_);
  for (const auto& [path, number] : state_.names) {  // a directory stands before what it holds
    const Node& node = state_.nodes[number];
    if (node.directory) std::filesystem::create_directory(root_ + "/" + path);
    if (node.directory) continue;
    std::string bytes = content_of(node);
    std::ofstream(root_ + "/" + path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  active_ = this;
}

SimulatedDisk::~SimulatedDisk() { active_ = nullptr; }

std::string SimulatedDisk::within(std::string_view path) const {
  std::string tidy = std::filesystem::path(path.substr(root_.size())).lexically_normal().string();
  if (tidy.starts_with('/')) tidy.erase(0, 1);
  if (tidy == "." || tidy == "./") tidy.clear();
  if (tidy.ends_with('/')) tidy.pop_back();
  return tidy;
}

void SimulatedDisk::count(const Operation& operation, std::string_view bytes) {
  uint64_t hash = hash64(bytes, hash64(operation.path, static_cast<uint64_t>(operation.call)));
  trace_ = hash64({reinterpret_cast<const char*>(&hash), sizeof hash}, trace_);
}

Verdict SimulatedDisk::begin(Call call, std::string path, std::string_view bytes) {
  if (auto* schedule = Schedule::of_this_thread()) schedule->pass();
  Operation operation{call, std::move(path), bytes.size(), ++operations_};
  count(operation, bytes);
  return observe ? observe(operation) : Verdict{};
}

void SimulatedDisk::renamed(NameChange how) {
  how.number = operations_;
  change(state_.names, how);
  state_.unsynced_names.push_back(std::move(how));
}

int SimulatedDisk::open(const char* path, int flags, mode_t mode) {
  std::string name = within(path);
  auto known = state_.names.find(name);
  bool creates = (flags & O_CREAT) != 0 && known == state_.names.end();
  if (Verdict verdict = begin(creates ? Call::create : Call::open, name); verdict.error != 0)
    return refuse(verdict.error);
  int fd = LIBC(open)(path, flags & ~O_DSYNC, mode);
  if (fd < 0) return fd;
  CHECK((flags & O_TRUNC) == 0);
  Open& open = open_[fd] = {name, SIZE_MAX, (flags & O_DSYNC) != 0};
  if (creates) {
    state_.nodes.emplace_back();
    renamed({0, {}, name, state_.nodes.size() - 1});
    known = state_.names.find(name);
  }
  if (known != state_.names.end() && !state_.nodes[known->second].directory) open.node = known->second;
  return fd;
}

int SimulatedDisk::close(int fd) {
  open_.erase(fd);
  return LIBC(close)(fd);
}

ssize_t SimulatedDisk::pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  const Open open = open_.at(fd);
  Verdict verdict = begin(Call::write, open.path, {static_cast<const char*>(bytes), size});
  if (verdict.error != 0) return refuse(verdict.error);
  uint64_t size_before = size_of(fd);
  ssize_t wrote = LIBC(pwrite)(fd, bytes, std::min(size, verdict.bytes_max), offset);
  if (wrote > 0) written(open, fd, static_cast<uint64_t>(offset), static_cast<size_t>(wrote), size_before);
  return wrote;
}

// A sector goes to the disk whole, with what stands around the bytes written.
void SimulatedDisk::written(const Open& open, int fd, uint64_t offset, size_t size, uint64_t size_before) {
  Node& node = state_.nodes[open.node];
  uint64_t size_now = size_of(fd);
  if (size_now != size_before) node.unsynced.push_back({operations_, size_now, nullptr});
  uint64_t from = offset / sector_bytes * sector_bytes;
  uint64_t to = std::min((offset + size + sector_bytes - 1) / sector_bytes * sector_bytes, size_now);
  auto sectors = std::make_shared<std::string>(to - from, '\0');
  ssize_t got = ::pread(fd, sectors->data(), sectors->size(), static_cast<off_t>(from));
  if (got < 0) {  // opened for writing only
    int again = LIBC(open)((root_ + "/" + open.path).c_str(), O_RDONLY);
    got = ::pread(again, sectors->data(), sectors->size(), static_cast<off_t>(from));
    LIBC(close)(again);
  }
  CHECK(got == static_cast<ssize_t>(sectors->size()));
  node.unsynced.push_back({operations_, from, std::move(sectors)});
  if (open.synchronous) headrace::sim::sync(node);
}

ssize_t SimulatedDisk::writev(int fd, const iovec* parts, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  off_t at = ::lseek(fd, 0, SEEK_CUR);
  ssize_t wrote = pwrite(fd, bytes.data(), bytes.size(), at);
  if (wrote > 0) ::lseek(fd, at + wrote, SEEK_SET);
  return wrote;
}

int SimulatedDisk::sync(int fd) {
  const Open open = open_.at(fd);
  bool directory = open.node == SIZE_MAX;
  Verdict verdict = begin(directory ? Call::sync_directory : Call::sync, open.path);
  bool forgets = verdict.error != 0 && verdict.error != EINTR && !directory;
  if (forgets) fail_to_sync(state_.nodes[open.node], dice);
  if (verdict.error != 0) return refuse(verdict.error);
  if (verdict.pretended) return 0;
  if (directory) {
    sync_names(state_, open.path);
  } else {
    headrace::sim::sync(state_.nodes[open.node]);
  }
  return 0;
}

int SimulatedDisk::ftruncate(int fd, off_t size) {
  const Open open = open_.at(fd);
  if (Verdict verdict = begin(Call::truncate, open.path); verdict.error != 0) return refuse(verdict.error);
  int code = LIBC(ftruncate)(fd, size);
  if (code == 0)
    state_.nodes[open.node].unsynced.push_back({operations_, static_cast<uint64_t>(size), nullptr});
  return code;
}

int SimulatedDisk::rename(const char* from, const char* to) {
  std::string name = within(from);
  if (Verdict verdict = begin(Call::rename, name); verdict.error != 0) return refuse(verdict.error);
  int code = LIBC(rename)(from, to);
  if (code == 0) {
    size_t node = state_.names.at(name);
    CHECK(!state_.nodes[node].directory && directory_of(within(to)) == directory_of(name));
    renamed({0, name, within(to), node});
  }
  return code;
}

int SimulatedDisk::remove(const char* path) {
  std::string name = within(path);
  if (Verdict verdict = begin(Call::remove, name); verdict.error != 0) return refuse(verdict.error);
  int code = LIBC(remove)(path);
  if (code == 0) renamed({0, name, {}, 0});
  return code;
}

int SimulatedDisk::mkdir(const char* path, mode_t mode) {
  std::string name = within(path);
  if (Verdict verdict = begin(Call::make_directory, name); verdict.error != 0) return refuse(verdict.error);
  int code = LIBC(mkdir)(path, mode);
  if (code == 0 && !name.empty()) {
    state_.nodes.emplace_back();
    state_.nodes.back().directory = true;
    renamed({0, {}, name, state_.nodes.size() - 1});
  }
  return code;
}

bool SimulatedDisk::may_map(int fd) {
  int error = begin(Call::map, open_.at(fd).path).error;
  if (error != 0) errno = error;
  return error == 0;
}

}  // namespace headrace::sim
