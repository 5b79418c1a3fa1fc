// Base: a copy of a partition's state as one checkpoint left it, for a start, a backup or a look back from there.
//
//   base-LSN/data.mdb   every entry of that state, put in order into a fresh environment: it holds nothing deleted
//   base-LSN/BASE       its checkpoint, with size and hash of data.mdb (checkpoint_store.h). Written last, removed
//                       first: a folder without it is none
//
// LSN is the checkpoint's applied LSN. Its log position is that of the time it was made: the segments there may be
// rewritten since, so who starts from a base begins at the segment's start (take_base).
//
// Beside a working owner the rows of a large state are copied in pieces, each from the checkpoint that is newest then
// (docs/decisions/0014): a base then is what a checkpoint is anyhow, documents as of LSN and each row as of some record from
// replay_from on. Documents come last, in one piece.
#pragma once

#include <functional>
#include <vector>

#include "src/base/limits.h"
#include "src/base/time.h"
#include "storage/checkpoint_store.h"
#include "storage/state_loan.h"

namespace headrace {

struct BaseOptions {
  PartitionPlace place;
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  size_t state_map_bytes = limits::state_map_bytes;
  uint64_t free_bytes_min = 0;                   // of disk, or 5 %, that must be left; 0: it may be filled
  Micros piece_us = limits::base_piece_us;       // the state is borrowed so long at once
  std::function<bool()> may_go_on = {};          // asked between pieces, may rest; false: the base is given up. May be empty
};

// Of the newest checkpoint; the newest limits::bases_kept stay, older ones go. Where that base is there already, it is
// left as it is, unless other definitions made its rows or a start from it would replay more. On a thread that is not the
// partition's owner (its own: Partition::make_base). Error::overloaded where it was given up: no checkpoint was to be had,
// the only base there is is of the same record and of another state, the owner makes a base itself, or goes on with
// another state.
Result<Checkpoint> make_base(const BaseOptions& options, StateLoan& loan);
// From a view of `checkpoint`, in one piece.
Result<Checkpoint> write_base(const BaseOptions& options, const StateView& view, const Checkpoint& checkpoint);

// Applied LSNs, newest first. What is in them is not looked at.
Result<std::vector<Lsn>> list_bases(Disk& disk, const PartitionPlace& place);
// Error::storage_damaged where its BASE cannot be read.
Result<Checkpoint> read_base(Disk& disk, const PartitionPlace& place, Lsn lsn);
// The same, and its data is what BASE says.
Result<Checkpoint> verify_base(Disk& disk, const PartitionPlace& place, Lsn lsn);
Result<> delete_base(Disk& disk, const PartitionPlace& place, Lsn lsn);
// Folders that are no bases, of which a crash may leave some.
Result<> clear_unfinished_bases(Disk& disk, const PartitionPlace& place);

// Copies the data of a base into `directory`; the checkpoint to go on from, its position at the start of a segment.
// Error::storage_damaged where the base is not whole, or the log does not reach back to it.
Result<Checkpoint> take_base(Disk& disk, const PartitionPlace& place, Lsn lsn, const std::string& directory);

}  // namespace headrace
