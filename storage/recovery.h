// Recovery: the same at every start. Finds the newest whole state, the end of the log, and mends the tail.
//
//   1. directories; both CKPT slots
//   2. the newest slot's commit is put into both metas of the data file; the state must say what the slot
//   says;
//      else the other slot; else the state is made anew: from the newest base that is whole and from which the log goes
//      on, else from LSN 1
//   3. the log is walked from there. Where it ends: nothing valid behind and above every durable bound: a
//   torn tail, cut.
//      Otherwise acked records are damaged: refused, naming file, byte and LSNs
//   4. what was valid behind the last durable bound is re-written into a new segment and synced
//   5. replay (partition_replay.cc)
#pragma once

#include <memory>

#include "storage/checkpoint_store.h"
#include "storage/log_writer.h"
#include "storage/partition.h"
#include "storage/state.h"

namespace headrace {

struct Recovered {
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<State> state;
  Checkpoint checkpoint;  // which the state is at; that of an empty state where it was made anew
  LogPosition end;        // of the log; everything before it is durable
  uint32_t oldest_segment = 1;  // the first one in which a recovery by any slot may begin
  Lsn redo_from = 1;      // work for records before this one was acknowledged, as any slot says
  RecoveryReport report;
};

// Removes the directory of a state, and what is in it.
Result<> remove_state(Disk& disk, const std::string& directory);

Result<Recovered> recover(const PartitionOptions& options, const State::FailStop& fail_stop);

}  // namespace headrace
