// Checkpointer: carries the state of a partition to the disk, step by step, beside the owner's work.
//
//   idle -> writing: dirty rows go behind into the open transaction, a slice per step
//        -> settling: until the log is durable up to everything the transaction holds
//        -> in flight: committed; the background thread makes it durable and writes its slot -> idle
//
// Rule R: between commit and durable slot nothing is committed or spilled. Applying goes on all the while;
// what is applied lands in memory. The checkpoint's applied LSN is the durable LSN at the commit: everything
// in the transaction is below it. Lives on: the partition's owner thread. Limits: limits::rows_behind_*,
// checkpoint_dirty_pages.
#pragma once

#include <functional>
#include <optional>

#include "storage/background.h"
#include "storage/log_marks.h"
#include "storage/rows.h"
#include "storage/state.h"

namespace headrace {

// What the state was made by; stored in it, compared at open.
struct Definitions {
  uint64_t fold = 0;
  uint64_t indexes = 0;
  bool operator==(const Definitions&) const = default;
};

// What the state says about itself (tree meta).
struct StateRecord {
  Lsn applied_lsn = 0;
  Lsn replay_from = 1;
  Definitions definitions;
  std::array<Digest, 3> digests;  // documents, indexes, rows
};
void write_record(State& state, const StateRecord& record);
std::optional<StateRecord> read_record(State& state);

// How far the log is.
struct Progress {
  Lsn folded = 0;     // rows have seen every record up to it, and it is durable
  Lsn documents = 0;  // so have documents; ahead of `folded` only while rows are folded anew at open
  LogPosition end;    // behind record `folded`
};

class Checkpointer {
 public:
  struct Parts {
    State& state;
    Rows& rows;
    Background& background;
    Clock& clock;
    Definitions definitions;
    Micros age_us;
    size_t row_bytes_max;
    std::function<void(Micros)> observe_checkpoint, observe_stall;
  };
  Checkpointer(const Parts& parts, const Checkpoint& last);

  // The open transaction holds an effect of record `lsn`.
  void state_changed(Lsn lsn) { state_lsn_ = std::max(state_lsn_, lsn); }
  void remember(const LogPosition& position) { marks_.remember(position); }
  void hold(std::optional<Lsn> oldest) { hold_ = oldest; }

  // Takes one step where one is due. True: it waits for the log and has done so for too long.
  bool step(const Progress& progress);

  // Owner waits: all rows written behind, everything committed and durable. Precondition: progress.folded has
  // reached every record applied. False where the disk failed.
  bool flush(const Progress& progress);

  const Checkpoint& last() const { return last_; }  // durable
  uint64_t checkpoints() const { return checkpoints_; }
  uint64_t rows_written() const { return rows_written_; }

 private:
  enum class Phase : uint8_t { idle, writing, settling, in_flight };
  bool due(const Progress& progress) const;
  bool lagging(const Progress& progress) const;
  Lsn replay_from(const Progress& progress) const;
  bool settling_too_long();
  void begin();
  void write_slice();
  void write_much();
  void commit(const Progress& progress);
  void finish();
  bool transaction_full() const;

  Parts parts_;
  LogMarks marks_;
  Checkpoint last_, next_;
  std::optional<Lsn> hold_;
  Lsn state_lsn_ = 0;  // newest record with an effect in the open transaction
  Phase phase_ = Phase::idle;
  Micros began_us_, settling_since_us_ = 0, committed_us_ = 0;
  uint64_t checkpoints_ = 0, rows_written_ = 0;
};

}  // namespace headrace
