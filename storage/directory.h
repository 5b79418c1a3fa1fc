// DataDirectory: one data directory: its manifest, its lock, the places of its partitions.
//
//   MANIFEST            text lines "key value": headrace (format version), uuid, partitions, created, keys,
//   crc32c
//                       (keys: public halves of all signing keys there were, by comma, the present one last)
//   KEY                 the private half of the present signing key (signing_key.h)
//   LOCK                flock'ed while a process writes
//   p000/log/*.seg      segments of partition 0 (segment_format.h)
//   p000/state/data.mdb LMDB
//   p000/CKPT           two slots (checkpoint_store.h)
//   p000/BEGIN          where the log begins (log_begin.h)
//   p000/base-LSN/      a copy of the state as it was (base.h)
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/disk.h"
#include "storage/signing_key.h"

namespace headrace {

using Uuid = std::array<uint8_t, 16>;

std::string to_text(const Uuid& uuid);

// Where one partition lives, and what its checksums are salted with.
struct PartitionPlace {
  std::string path;  // of its directory
  Uuid uuid{};       // of the data directory
  uint32_t partition = 0;
  std::vector<PublicKey> signers = {};  // whose signatures hold here

  std::string log() const { return path + "/log"; }
  // A state made anew beside the one in use gets the next generation; CKPT says which holds.
  std::string state(uint32_t generation = 0) const {
    return path + "/state" + (generation == 0 ? "" : "." + std::to_string(generation));
  }
  std::string checkpoint() const { return path + "/CKPT"; }
  std::string begin() const { return path + "/BEGIN"; }
  std::string base(uint64_t lsn) const { return path + "/base-" + std::to_string(lsn); }
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

  // Makes `path` a data directory like this one, created now: its log may go on from a part of this one's.
  Result<> begin_another(const std::string& path, Clock& clock, Disk& disk) const;

  const std::string& path() const { return path_; }
  uint32_t partitions() const { return partitions_; }
  const Uuid& uuid() const { return uuid_; }
  Micros created() const { return created_; }
  bool created_now() const { return created_now_; }  // by this open
  PartitionPlace place(uint32_t partition) const;

  const std::vector<PublicKey>& signers() const { return signers_; }  // the present one last
  // Only where it was opened to write.
  const SigningKey& signing_key() const { return *signing_key_; }
  bool key_replaced() const { return key_replaced_; }  // by this open: KEY was gone

 private:
  DataDirectory() = default;
  Result<> create(const DirectoryOptions& options);
  Result<> load(Disk& disk);
  Result<> prepare_key(Disk& disk);
  Result<> name_key(Disk& disk);

  std::string path_;
  Uuid uuid_{};
  uint32_t partitions_ = 0;
  Micros created_ = 0;
  bool created_now_ = false;
  std::string manifest_;  // its lines without the checksum
  std::vector<PublicKey> signers_;
  std::optional<SigningKey> signing_key_;
  bool key_replaced_ = false;
  std::shared_ptr<void> lock_;
};

}  // namespace headrace
