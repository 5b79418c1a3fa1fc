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
//    104 digest 16   120 created i64   128 meta 152 (page header and meta of LMDB)
//    280 data bytes u64   288 data hash 16   of data.mdb as a whole; only in the BASE of a base (else zeros)
//    304 generation u32        of the state that holds the commit: state/ is 0, state.1/ is 1; of a base 0
//    312 fold u64              which definitions its rows were made by (Definitions::fold); 0: not known   zeros
//
// BASE := slot            of a base's own data.mdb (base.h)
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "codec/checksum.h"
#include "storage/file_copy.h"
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
  uint32_t generation = 0;
  uint64_t fold = 0;
  std::array<char, lmdb_meta_bytes> meta{};
  FileSeal data;
};

class CheckpointStore {
 public:
  // Creates the file where there is none. The state's data file must exist only for the other calls. All that
  // take a checkpoint mean the data file of its generation.
  static Result<std::unique_ptr<CheckpointStore>> open(Disk& disk, const PartitionPlace& place);

  // The valid slots, newest first.
  Result<std::vector<Checkpoint>> read();
  // The same without opening the file to write; none where there is no file.
  static Result<std::vector<Checkpoint>> peek(Disk& disk, const PartitionPlace& place);

  // Puts the commit of `checkpoint` into both metas of the data file (the other one a transaction older) and
  // syncs, so that LMDB opens exactly that. False where the data file is too short to hold it.
  Result<bool> restore(const Checkpoint& checkpoint);

  // Copies the meta of a commit just made out of the data file.
  Result<> capture_meta(Checkpoint& checkpoint);

  // Makes both slots invalid.
  Result<> invalidate();

  // The slot alone, where the state it names is on the disk already.
  Result<> rewrite(const Checkpoint& checkpoint);

  // Any thread: syncs the data file, then writes the slot and syncs that.
  Result<> make_durable(const Checkpoint& checkpoint);

  // The data file of a generation, open.
  Result<File*> data(uint32_t generation);

 private:
  CheckpointStore(Disk& disk, PartitionPlace place) : disk_(disk), place_(std::move(place)) {}
  static Result<std::vector<Checkpoint>> read_slots(File& file, const PartitionPlace& place);

  Disk& disk_;
  PartitionPlace place_;
  std::unique_ptr<File> slots_, data_;
  uint32_t generation_ = 0;  // of data_
};

inline constexpr size_t checkpoint_bytes = 512;  // encoded
std::string encode(const Checkpoint& checkpoint, const PartitionPlace& place);
// Nothing where the bytes are no checkpoint of this partition.
std::optional<Checkpoint> decode_checkpoint(std::string_view bytes, const PartitionPlace& place);

// Fills in the meta of the commit that the checkpoint names, as `data` has it.
Result<> capture_meta(File& data, Checkpoint& checkpoint, const std::string& where);

}  // namespace headrace
