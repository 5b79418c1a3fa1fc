// Partition: one log, one state, one single writer.
//
// Operation: append() and commit() encode records into the open batch and apply them at once; pump() hands
// the batch to the sync thread whenever that is free; a write may be acked once durable_lsn() has reached its
// LSN. Checkpoints run beside that: rows are written behind in slices, the state is committed when all it
// holds is durable in the log, and a background thread makes it durable (rule R: one at a time). Lives on:
// its owner thread; only `wake`, `fail_stop` and durable_lsn_any_thread() concern others. Limits:
// limits::open_batch_bytes_max, dirty_pages_max, row_bytes_max.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/checksum.h"
#include "codec/record.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/change.h"
#include "storage/directory.h"
#include "storage/disk.h"
#include "storage/documents.h"
#include "storage/rows.h"

namespace headrace {

// The projections of a partition, as a deterministic function of its records. Sees every record but put and
// erase.
class Fold {
 public:
  virtual ~Fold() = default;
  // `replaying`: at open, for every record from the last checkpoint's replay_from on; so that work which was
  // waiting for an acknowledgement (see Partition::hold) can be done again.
  virtual void apply(const RecordView& record, Rows& rows, bool replaying) = 0;
  // For records before that, when rows are folded anew, and for rebuild(): only rows are to be made.
  virtual void refold(const RecordView& record, Rows& rows) { apply(record, rows, true); }
  // The same for records that follow each other, where memory can be asked for ahead.
  virtual void apply_all(std::span<const RecordView> records, Rows& rows) {
    for (const RecordView& record : records) apply(record, rows, true);
  }
  virtual void refold_all(std::span<const RecordView> records, Rows& rows) {
    for (const RecordView& record : records) refold(record, rows);
  }
  // Where it differs from the stored one at open, and the fold cannot resume(), all rows are dropped and folded
  // again from the whole log.
  virtual uint64_t definition_digest() const = 0;
  // What it needs to resume; stored beside the rows.
  virtual std::string definitions() const { return {}; }
  // At open: goes on by the definitions that the rows were made by, unless that cannot be.
  virtual bool resume(std::string_view /*definitions*/, uint64_t /*digest*/) { return false; }
};

struct PartitionOptions {
  PartitionPlace place;  // DataDirectory::place(id)
  const SigningKey* key = nullptr;  // of the directory; none: no BEGIN is made (log_begin.h)
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  std::vector<TableDefinition> tables;  // of documents that have indexes
  std::function<void()> wake;           // any thread: something finished, call synced() soon; may be empty
  // Any thread: a write or sync failed. Must not return in a server; by default it says so on stderr and ends
  // the process with status 70. In tests it may return: the partition then refuses everything.
  std::function<void(const Problem&)> fail_stop;
  // Owner thread, from synced() and pump(); may be empty.
  std::function<void(Micros)> observe_sync;        // one group commit, write and fdatasync
  std::function<void(Micros)> observe_checkpoint;  // from its commit to its slot being durable
  std::function<void(Micros)> observe_stall;       // the owner was busy for a step of a checkpoint

  size_t segment_bytes = limits::segment_bytes;
  size_t state_map_bytes = limits::state_map_bytes;
  uint64_t state_check_bytes_max = limits::state_check_bytes_max;
  size_t row_bytes_max = limits::row_bytes_max;  // clean rows are evicted above this; writes refused at twice
  Micros checkpoint_age_us = limits::checkpoint_age_us;
  uint64_t free_bytes_min = limits::free_bytes_min;  // below this, or 5 %: writable() is false
};

struct PartitionCounters {
  uint64_t batches = 0, records = 0;
  uint64_t bytes_raw = 0, bytes_written = 0;  // of batches, before and after compression
  uint64_t checkpoints = 0, rows_written_behind = 0;
  uint64_t segments = 0;  // opened in this run
};

// What open() found and did; for the log line of the start.
struct RecoveryReport {
  Lsn applied_lsn = 0, replay_from = 0, last_lsn = 0;
  uint64_t records_replayed = 0;
  uint64_t bytes_cut = 0;  // of a torn tail
  uint64_t batches_rewritten = 0;
  bool rows_refolded = false;  // the fold's definitions had changed
  std::string state_rebuilt;   // why the state was made anew from the log; empty: it was not
  Lsn base_lsn = 0;            // of the base that it began with; 0: from LSN 1
  Micros duration_us = 0;
};

enum class Refusal : uint8_t { none, storage_full, overloaded };

class LogReader;
class ScratchState;

// Rows of other definitions, folded from the log beside the live ones (docs/decisions/0011).
struct ComingState {
  ComingState();
  ComingState(ComingState&&) noexcept;
  ~ComingState();

  std::unique_ptr<ScratchState> scratch;  // after the switch: what it replaced
  uint32_t generation = 0;
  Lsn folded = 0;  // the last record in it, which is durable in the log
  std::unique_ptr<LogReader> reader;  // stands behind that record
};
class StateLoan;

class Partition {
 public:
  // Recovers, then is ready. `fold` must outlive the partition.
  static Result<std::unique_ptr<Partition>> open(PartitionOptions options, Fold& fold);
  ~Partition();  // without close() before it: as after a crash

  // The rest on the owner thread only.

  // One record into the open batch. `apply` false: the caller folds it itself before anything else happens.
  // Refused (503, 507) where writable() says so.
  Result<Lsn> append(Kind kind, uint8_t version, std::string_view key, std::string_view payload,
                     bool apply = true);
  // The same with a time of ingestion read once for many records.
  Result<Lsn> append_at(Micros time, Kind kind, uint8_t version, std::string_view key,
                        std::string_view payload, bool apply = true);
  // All effects in one batch, applied; the LSN of the last one (of an empty change: the applied LSN).
  Result<Lsn> commit(const Change& change);

  Rows& rows();
  Documents& documents();

  Lsn applied_lsn() const;
  Lsn durable_lsn() const;             // as of the last synced()
  Lsn durable_lsn_any_thread() const;  // for readers of the log
  // Of the next state made beside this one: PartitionPlace::state(). Any thread.
  uint32_t next_generation() const;
  // Segments before this one are sealed and no recovery begins in them: they may be rewritten. Any thread.
  uint32_t settled_segment() const;

  // Ends the segment being written, where it holds a record: what is not yet on its way to the disk goes into a new one.
  // Checkpoints follow until no recovery begins before that (settled_segment()). In effect with the next pump() that finds
  // the disk free.
  void seal();
  // The segment that began; nothing until it has.
  std::optional<uint32_t> sealed_before() const;

  // One more waits for what was applied so far: the open batch goes to the disk with the next pump() that finds
  // it free. A batch that nobody waits for (predictions, folds, whose loss a crash would repair) goes after
  // limits::batch_age_lazy_us.
  void hurry();

  // How many wait for an open batch that the disk is free to take. Else 0.
  size_t waiting() const;

  // At the end of a loop iteration, and at next_due(). Hands over the open batch, runs steps of a checkpoint. Does not wait for the disk, but for one case: where document changes kept the state ahead of
  // the log for limits::checkpoint_settle_us it waits for the log, at most limits::checkpoint_wait_us.
  void pump();
  // When pump() has something to do though nothing happens until then; of the monotonic clock. May be past.
  std::optional<Micros> next_due() const;
  // After `wake`: advances durable_lsn(). pump() hands over the next batch.
  void synced();

  // Why a write would be refused now.
  Refusal refusal() const;
  bool writable() const { return refusal() == Refusal::none; }

  // Replay must begin at `oldest` or before (work for that record is not acknowledged yet); release: no
  // longer.
  void hold(Lsn oldest);
  void release();

  // Goes on with another state, by the definitions of `fold`, which folds what it lacks; when it returns, a
  // crash finds it, and nothing needs the one before. Waits for the disk. Error::overloaded where it lacks too much: nothing has happened then.
  Result<> switch_state(ComingState& coming, Fold& fold);
  // Waits until everything applied is durable: for an owner that has nothing else to do.
  Result<> make_durable();

  // Writes everything behind, checkpoints, stops the threads: the next open has nothing to replay.
  Result<> close();

  // Of everything in the state after all rows are written behind; recounted and compared with the running
  // one.
  Result<Digest> full_digest();

  // Writes everything behind, then makes a base of it (base.h), the owner waiting. Its LSN; 0 where there is no record.
  Result<Lsn> make_base();
  // For make_base() of base.h, on another thread. Whoever borrows ends before the partition does.
  StateLoan& loan();

  const RecoveryReport& recovery() const;
  PartitionCounters counters() const;

 private:
  class Work;
  explicit Partition(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

// The state of a partition folded anew from its newest base, or from its whole log, into `scratch_dir` (made, emptied
// and removed), beside the live one, which is not touched. For `replay --verify` and `state at`.
struct Rebuilt {
  Digest digest;
  Lsn last_lsn = 0;
  uint64_t records = 0;
  Lsn base_lsn = 0;  // of the base it began with; 0: from LSN 1
  uint64_t documents = 0, rows = 0;
};
struct RebuildGoal {
  Lsn last = std::numeric_limits<Lsn>::max();  // the state as of this record; Error::invalid_input: the log ends before
  std::function<void(Rows&)> look = {};        // at what came of it; may be empty
};
Result<Rebuilt> rebuild(const PartitionOptions& options, const std::string& scratch_dir, Fold& fold,
                        const RebuildGoal& goal = {});

}  // namespace headrace
