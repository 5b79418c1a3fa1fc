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
#include <memory>
#include <optional>
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
  // Where it differs from the stored one at open, all rows are dropped and folded again from the whole log.
  virtual uint64_t definition_digest() const = 0;
};

struct PartitionOptions {
  PartitionPlace place;  // DataDirectory::place(id)
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
  Micros duration_us = 0;
};

enum class Refusal : uint8_t { none, storage_full, overloaded };

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

  // Somebody waits for what was applied so far: the open batch goes to the disk as soon as it is free. A
  // batch that nobody waits for (predictions, folds, whose loss a crash would repair) goes after
  // limits::batch_age_lazy_us.
  void hurry();

  // Records of the open batch that would go to the disk at once: somebody waits, and the disk is free. Else 0.
  size_t waiting() const;

  // At the end of every loop iteration and every ~2 ms. Hands over the open batch, runs steps of a
  // checkpoint. Does not wait for the disk, but for one case: where document changes kept the state ahead of
  // the log for limits::checkpoint_settle_us it waits for the log, at most limits::checkpoint_wait_us.
  void pump();
  // After `wake`: advances durable_lsn(). pump() hands over the next batch.
  void synced();

  // Why a write would be refused now.
  Refusal refusal() const;
  bool writable() const { return refusal() == Refusal::none; }

  // Replay must begin at `oldest` or before (work for that record is not acknowledged yet); release: no
  // longer.
  void hold(Lsn oldest);
  void release();

  // Writes everything behind, checkpoints, stops the threads: the next open has nothing to replay.
  Result<> close();

  // Of everything in the state after all rows are written behind; recounted and compared with the running
  // one.
  Result<Digest> full_digest();

  const RecoveryReport& recovery() const;
  PartitionCounters counters() const;

 private:
  class Work;
  explicit Partition(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

// The state of a partition folded anew from its whole log into `scratch_dir` (made, emptied and removed),
// beside the live one, which is not touched. For `replay --verify`.
struct Rebuilt {
  Digest digest;
  Lsn last_lsn = 0;
  uint64_t records = 0;
};
Result<Rebuilt> rebuild(const PartitionOptions& options, const std::string& scratch_dir, Fold& fold);

}  // namespace headrace
