// Partition::Work: the parts of a partition and how they move together. See partition.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "storage/background.h"
#include "storage/checkpointer.h"
#include "storage/log_walker.h"
#include "storage/partition.h"
#include "storage/recovery.h"
#include "storage/state_rows.h"
#include "storage/state_loan.h"
#include "storage/sync_thread.h"

namespace headrace {

class Partition::Work {
 public:
  Work(PartitionOptions options, Fold& fold) : options_(std::move(options)), fold_(fold) {}

  // partition_replay.cc
  Result<> start();

  // partition.cc
  Result<Lsn> append(const RecordView& record, bool apply);
  Result<Lsn> commit(const Change& change);

  // partition_switch.cc
  Result<> switch_state(ComingState& coming, Fold& fold);

  // partition_flow.cc
  void pump();
  void synced();
  std::optional<Micros> next_due() const;
  Refusal refusal() const;
  Result<> make_durable();
  Result<> close();
  Result<Digest> full_digest();
  void seal();
  Result<Lsn> make_base();
  Progress progress() const { return {durable_lsn_, durable_lsn_, log_end_}; }

  PartitionOptions options_;
  Fold& fold_;
  std::atomic<bool> failed_{false};
  bool closed_ = false;

  std::unique_ptr<State> state_;
  std::unique_ptr<Documents> documents_;
  std::unique_ptr<StateRows> backing_;
  std::unique_ptr<Rows> rows_;
  std::unique_ptr<StateLoan> loan_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<SyncThread> sync_;  // after background_, whose spare segments it takes

  RawBatch open_;         // being filled
  size_t hurried_ = 0;    // how many wait for it
  bool seals_ = false;    // a new segment begins before it
  std::optional<uint32_t> sealed_before_;  // where it began
  Micros opened_at_ = 0;  // monotonic; 0: empty when last looked at
  Micros handed_over_at_ = 0;  // monotonic; 0: the disk has nothing to do
  bool disk_is_late_ = false;  // when last looked at
  std::string spare_;     // a buffer for the next one
  Lsn applied_lsn_ = 0;
  Lsn durable_lsn_ = 0;
  LogPosition log_end_;  // behind durable_lsn_
  std::atomic<uint32_t> settled_segment_{1};  // no recovery begins before it
  std::atomic<uint32_t> generation_{0};  // of state_
  PartitionCounters counters_;
  RecoveryReport report_;

 private:
  // partition_replay.cc
  void stop(const Problem& problem);
  Definitions definitions_of(const Fold& fold) const;
  Checkpointer::Parts checkpointer_parts(Definitions definitions);
  bool can_resume(const StateRecord& stored);
  Result<> adopt(Recovered recovered);
  Result<> replay(const Recovered& recovered, bool refold);
  Result<> replay_batch(LogWalker& walker, const Recovered& recovered, Lsn fold_from);
  Result<> replay_document(const RecordView& record);
  Result<> relieve(const LogPosition& end, Lsn documents_at);

  // partition_switch.cc
  Result<> fold_tail(ComingState& coming, Fold& fold);

  // partition.cc
  Refusal refusal_for(size_t bytes, bool reserve) const;
  Lsn encode(const RecordView& record);
  void apply_effect(const Change::Effect& effect, Lsn lsn, Micros time);
  void hand_over_if_large();

  // partition_flow.cc
  void hand_over();
  bool due();
  void take_synced();
  bool wait_durable(Lsn lsn, Micros at_most_us);
};

}  // namespace headrace
