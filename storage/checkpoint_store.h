// CheckpointStore: the CKPT file: which commit of the state is whole on the disk, and where the log goes on
// from it.
//
//   CKPT := slot(512) zeros(3584) slot(512)            slot seq & 1 is written in turn
//   slot :=
//      0 magic u64 "HRCKPT01"   8 crc32c u32 (of the slot with this field zero)   12 version u32 1
//     16 uuid 16   32 partition u32   36 page bytes u32   40 seq u64   48 txn id u64
//     56 applied_lsn u64        documents are in the state up to it
//     64 replay_from u64        the oldest change of a row that is not in the state
//     72 segment u32   80 offset u64   88 lsn u64   96 chain u64     where to read the log from for
//     replay_from
//    104 digest 16   120 created i64   128 meta 152 (page header and meta of LMDB)   zeros
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "codec/checksum.h"
#include "storage/segment_reader.h"

namespace headrace {

inline constexpr size_t lmdb_meta_bytes = 152;

struct Checkpoint {
  uint64_t seq = 0;
  uint64_t txn_id = 0;
  Lsn applied_lsn = 0;
  Lsn replay_from = 1;
  LogPosition position;
  Digest digest;
  Micros created = 0;
  uint32_t page_bytes = 4096;
  std::array<char, lmdb_meta_bytes> meta{};
};

class CheckpointStore {
 public:
  // Creates the file where there is none. The state's data file must exist only for the other calls.
  static Result<std::unique_ptr<CheckpointStore>> open(Disk& disk, const PartitionPlace& place);

  // The valid slots, newest first.
  Result<std::vector<Checkpoint>> read();

  // Puts the commit of `checkpoint` into both metas of the data file (the other one a transaction older) and
  // syncs, so that LMDB opens exactly that. False where the data file is too short to hold it.
  Result<bool> restore(const Checkpoint& checkpoint);

  // Copies the meta of a commit just made out of the data file.
  Result<> capture_meta(Checkpoint& checkpoint);

  // Makes both slots invalid.
  Result<> invalidate();

  // Any thread: syncs the data file, then writes the slot and syncs that.
  Result<> make_durable(const Checkpoint& checkpoint);

 private:
  CheckpointStore(Disk& disk, PartitionPlace place) : disk_(disk), place_(std::move(place)) {}
  Result<File*> data();

  Disk& disk_;
  PartitionPlace place_;
  std::unique_ptr<File> slots_, data_;
};

std::string encode(const Checkpoint& checkpoint, const PartitionPlace& place);

}  // namespace headrace
