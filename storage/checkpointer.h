// Checkpointer: carries the state of a partition to the disk, step by step, beside the owner's work.
//
//   idle -> writing: dirty rows go behind into the open transaction, in slices short enough for those who wait
//        -> settling: until the log is durable up to everything the transaction holds
//        -> in flight: committed; the background thread makes it durable and writes its slot -> idle
//
// Between checkpoints the last one may be lent out (StateLoan); then two more are made, and the third waits for it.
//
// Rule R: between commit and durable slot nothing is committed or spilled. Applying goes on all the while;
// what is applied lands in memory, and where that runs short rows go behind into the next transaction meanwhile. The checkpoint's applied LSN is the durable LSN at the commit: everything
// in the transaction is below it. Lives on: the partition's owner thread. Limits: limits::rows_behind_*,
// checkpoint_dirty_pages.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>

#include "storage/background.h"
#include "storage/log_marks.h"
#include "storage/rows.h"
#include "storage/state.h"
#include "storage/state_loan.h"

namespace headrace {

// What the state was made by; stored in it, compared at open.
struct Definitions {
  uint64_t fold = 0;
  uint64_t indexes = 0;
  std::string text = {};  // what the fold says of them (Fold::definitions)
};

// What the state says about itself (tree meta).
struct StateRecord {
  Lsn applied_lsn = 0;
  Lsn replay_from = 1;
  Definitions definitions;
  std::array<Digest, 3> digests;  // documents, indexes, rows
};
void write_record(State& state, const StateRecord& record);  // all but the text, where that is empty
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
    StateLoan& loan;
    Clock& clock;
    Definitions definitions;
    Micros age_us;
    size_t row_bytes_max;
    std::function<void(Micros)> observe_checkpoint, observe_stall;
  };
  // `oldest_segment`: the first one in which a recovery may still begin.
  Checkpointer(const Parts& parts, const Checkpoint& last, uint32_t oldest_segment);
  // Goes on for a state of another generation, whose first checkpoint is then due.
  Checkpointer(const Parts& parts, Checkpointer&& before, uint32_t generation);

  // The open transaction holds an effect of record `lsn`.
  void state_changed(Lsn lsn) { state_lsn_ = std::max(state_lsn_, lsn); }
  void remember(const LogPosition& position) { marks_.remember(position); }
  void hold(std::optional<Lsn> oldest) { hold_ = oldest; }
  // Checkpoints follow, also where nothing changes, until no recovery begins before this segment.
  void reach(uint32_t segment) { wanted_segment_ = std::max(wanted_segment_, segment); }

  // Takes one step where one is due. True: it waits for the log and has done so for too long.
  bool step(const Progress& progress);

  // When step() has something to do though nothing happens until then. Nothing while it waits for others.
  std::optional<Micros> next_due(const Progress& progress) const;

  // Owner waits: all rows written behind, everything committed and durable. Precondition: progress.folded has
  // reached every record applied. False where the disk failed.
  bool flush(const Progress& progress);
  // Owner waits: no checkpoint is in flight. False where the disk failed.
  bool settle();

  const Checkpoint& last() const { return last_; }  // durable
  // No recovery begins before this segment, by either slot.
  uint32_t oldest_segment() const { return oldest_segment_; }
  uint64_t checkpoints() const { return checkpoints_; }
  uint64_t rows_written() const { return rows_written_; }

 private:
  enum class Phase : uint8_t { idle, writing, settling, in_flight };
  bool due(const Progress& progress) const;
  bool changed(const Progress& progress) const;
  // Both slots name this state: no recovery needs an earlier one.
  bool settled() const { return last_.generation == generation_ && previous_generation_ == generation_; }
  bool lagging(const Progress& progress) const;
  bool held_up(const Progress& progress);
  bool view_in_danger() const;
  void lend();
  Lsn replay_from(const Progress& progress) const;
  bool settling_too_long();
  void begin();
  bool short_of_memory() const;
  bool may_write_ahead() const;
  bool write_rows(Micros at_most_us);
  void write_slice(const Progress& progress);
  void write_much();
  void commit(const Progress& progress);
  void count_settling();
  void finish();
  bool transaction_full() const;

  Parts parts_;
  LogMarks marks_;
  Checkpoint last_, next_;
  uint32_t oldest_segment_, wanted_segment_ = 0;
  uint32_t generation_ = 0, previous_generation_ = 0;  // of this state; of the slot before the last
  std::optional<Lsn> hold_;
  Lsn state_lsn_ = 0;  // newest record with an effect in the open transaction
  Phase phase_ = Phase::idle;
  Micros began_us_, next_slice_us_ = 0, settling_since_us_ = 0, committed_us_ = 0;
  uint64_t checkpoints_ = 0, rows_written_ = 0;
};

}  // namespace headrace
