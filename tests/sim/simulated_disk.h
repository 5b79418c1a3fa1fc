// SimulatedDisk: a directory whose files are real, so that reads and LMDB's map see them, while beside them is
// kept what a power cut would leave.
//
// Operation: interpose.cc sends it every call of libc that changes a file below `root`, whoever makes it: our
// Disk or liblmdb. Each call is one operation; before it, other threads may run and `observe` is asked: there
// the power is cut (by a copy of state()), an error is made, or a success is pretended. Lives on: the threads
// of one Schedule. Limits: one at a time.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <functional>
#include <map>
#include <string>

#include "tests/sim/disk_state.h"

namespace headrace::sim {

enum class Call : uint8_t { open, create, write, sync, sync_directory, truncate, rename, remove, make_directory, map };
std::string_view name_of(Call call);

struct Operation {
  Call call;
  std::string path;  // within the disk
  size_t bytes = 0;  // of a write
  uint64_t number = 0;
};

// What becomes of an operation.
struct Verdict {
  int error = 0;                // errno; 0: none
  size_t bytes_max = SIZE_MAX;  // of a write: a short one
  bool pretended = false;       // says that it succeeded, and does nothing
};

class SimulatedDisk {
 public:
  SimulatedDisk(std::string root, DiskState state);  // its files are written to `root`, which is emptied
  ~SimulatedDisk();                                  // the files stay
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  static SimulatedDisk* active() { return active_; }
  std::function<Verdict(const Operation&)> observe;
  const DiskState& state() const { return state_; }
  const std::string& root() const { return root_; }
  uint64_t operations() const { return operations_; }
  uint64_t trace() const { return trace_; }  // a hash over all operations so far

  // The calls of libc.
  bool holds(const char* path) const { return std::string_view(path).starts_with(root_); }
  Dice dice{1};  // for what happens at errors
  bool holds(int fd) const { return open_.contains(fd); }
  int open(const char* path, int flags, mode_t mode);
  int close(int fd);
  ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset);
  ssize_t writev(int fd, const iovec* parts, int count);
  int sync(int fd);
  int ftruncate(int fd, off_t size);
  int rename(const char* from, const char* to);
  int remove(const char* path);
  int mkdir(const char* path, mode_t mode);
  bool may_map(int fd);

 private:
  struct Open {
    std::string path;
    size_t node = SIZE_MAX;  // SIZE_MAX: a directory
    bool synchronous = false;
  };
  std::string within(std::string_view path) const;
  Verdict begin(Call call, std::string path, std::string_view bytes = {});
  void renamed(NameChange how);
  void written(const Open& open, int fd, uint64_t offset, size_t size, uint64_t size_before);
  void count(const Operation& operation, std::string_view bytes);

  static SimulatedDisk* active_;
  std::string root_;
  DiskState state_;
  std::map<int, Open> open_;
  uint64_t operations_ = 0, trace_ = 0;
};

}  // namespace headrace::sim
