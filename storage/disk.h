// Disk: the part of the operating system that storage stands on, behind one interface, so that tests can put
// a failing or forgetful one in its place. LMDB's own writes are the only ones that do not pass here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace {

// One open file. Thread-safe as far as pread and pwrite are. Closed by its destructor.
class File {
 public:
  virtual ~File() = default;
  virtual Result<> write_at(std::string_view bytes, uint64_t offset) = 0;  // all of them
  virtual Result<size_t> read_at(char* out, size_t size,
                                 uint64_t offset) = 0;  // fewer only at the end of file
  virtual Result<> sync_data() = 0;                     // fdatasync
  virtual Result<> sync() = 0;                          // fsync
  // Writes back what is dirty of these bytes. Makes nothing durable: a disk may as well do nothing.
  virtual Result<> write_back(uint64_t /*offset*/, uint64_t /*bytes*/) { return Done{}; }
  // Whether writes of whole pages from memory that begins at a page pass the page cache by. No more than a wish.
  virtual void bypass_cache(bool /*wish*/) {}
  virtual Result<> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;
};

struct Space {
  uint64_t free_bytes = 0;  // for us
  uint64_t total_bytes = 0;

  // What must stay free: `free_bytes_min`, or 5 % if that is more; 0 asks for nothing.
  uint64_t reserve_bytes(uint64_t free_bytes_min) const {
    return free_bytes_min == 0 ? 0 : std::max(free_bytes_min, total_bytes / 20);
  }
};

// What the page cache and O_DIRECT go by. A power of two.
inline constexpr size_t disk_page_bytes = 4096;

enum class OpenMode : uint8_t { read, write, create };  // create: must not exist yet

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<> create_directory(const std::string& path) = 0;  // it may exist already
  virtual Result<> sync_directory(const std::string& path) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& path) = 0;                        // it need not exist
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted
  virtual Result<Space> space(const std::string& path) = 0;
  virtual Result<bool> is_network(const std::string& path) = 0;
  // Held until the result dies. Error::storage_locked where another process holds it.
  virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;
};

Disk& system_disk();

// The whole of a small file, at most `size_max` bytes.
Result<std::string> read_file(Disk& disk, const std::string& path, size_t size_max);

}  // namespace headrace
