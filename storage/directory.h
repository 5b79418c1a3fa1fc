// DataDirectory: one data directory: its manifest, its lock, the places of its partitions.
//
//   MANIFEST            text lines "key value": headrace (format version), uuid, partitions, created, crc32c
//   LOCK                flock'ed while a process writes
//   p000/log/*.seg      segments of partition 0 (segment_format.h)
//   p000/state/data.mdb LMDB
//   p000/CKPT           two slots (checkpoint_slots.h)
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/disk.h"

namespace headrace {

using Uuid = std::array<uint8_t, 16>;

std::string to_text(const Uuid& uuid);

// Where one partition lives, and what its checksums are salted with.
struct PartitionPlace {
  std::string path;  // of its directory
  Uuid uuid{};       // of the data directory
  uint32_t partition = 0;

  std::string log() const { return path + "/log"; }
  std::string state() const { return path + "/state"; }
  std::string checkpoint() const { return path + "/CKPT"; }
};

enum class Access : uint8_t {
  write,      // takes the lock
  read_only,  // takes none: a server may be running on it
};

struct DirectoryOptions {
  uint32_t partitions_if_new = 2;
  bool create = true;  // where nothing is there yet (write only)
  Access access = Access::write;
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
};

class DataDirectory {
 public:
  static Result<std::unique_ptr<DataDirectory>> open(const std::string& path,
                                                     const DirectoryOptions& options);

  const std::string& path() const { return path_; }
  uint32_t partitions() const { return partitions_; }
  const Uuid& uuid() const { return uuid_; }
  Micros created() const { return created_; }
  bool created_now() const { return created_now_; }  // by this open
  PartitionPlace place(uint32_t partition) const;

 private:
  DataDirectory() = default;
  Result<> create(const DirectoryOptions& options);
  Result<> load(Disk& disk);

  std::string path_;
  Uuid uuid_{};
  uint32_t partitions_ = 0;
  Micros created_ = 0;
  bool created_now_ = false;
  std::shared_ptr<void> lock_;
};

}  // namespace headrace
