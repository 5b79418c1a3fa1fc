// The flow of a partition: batches to the sync thread and back, steps of checkpoints, the end.
#include "storage/base.h"
#include "storage/partition_work.h"

#include <utility>

namespace headrace {
namespace {

constexpr Micros patience_us = 10 * minute_us;  // of those who have nothing else to do

}  // namespace

void Partition::Work::hand_over() {
  bool nothing = open_.count == 0 && !seals_;
  if (nothing || !sync_->idle() || failed_.load(std::memory_order_relaxed)) return;
  // One batch in flight: everything before it is durable.
  CHECK(open_.count == 0 || open_.first_lsn == durable_lsn_ + 1);
  RawBatch batch = std::move(open_);
  batch.seals = std::exchange(seals_, false);
  open_ = {.body = std::move(spare_), .first_lsn = 0, .count = 0, .base_time = 0};
  open_.body.clear();
  hurried_ = 0;
  opened_at_ = 0;
  spare_ = {};
  handed_over_at_ = options_.clock->monotonic();
  sync_->submit(std::move(batch));
}

// Whether the open batch should go now, or may wait for more.
bool Partition::Work::due() {
  if (seals_) return true;
  if (open_.count == 0 || hurried_ > 0) return hurried_ > 0;
  Micros now = options_.clock->monotonic();
  if (opened_at_ == 0) opened_at_ = now;
  return now - opened_at_ >= limits::batch_age_lazy_us;
}

void Partition::Work::hand_over_if_large() {
  if (open_.body.size() < limits::batch_bytes_close) return;
  take_synced();
  hand_over();
}

void Partition::Work::take_synced() {
  auto finished = sync_->take_finished();
  if (!finished) return;
  handed_over_at_ = 0;
  disk_is_late_ = false;
  counters_.batches += finished->batch.count > 0;
  counters_.bytes_raw += finished->batch.body.size();
  counters_.bytes_written += finished->written_bytes;
  counters_.segments = finished->segments_opened;
  durable_lsn_ = finished->end.lsn - 1;
  log_end_ = finished->end;
  checkpointer_->remember(finished->position);
  if (finished->batch.seals) {
    sealed_before_ = finished->end.segment;
    checkpointer_->reach(finished->end.segment);
  }
  spare_ = std::move(finished->batch.body);
  if (options_.observe_sync && finished->batch.count > 0) options_.observe_sync(finished->duration_us);
}

void Partition::Work::pump() {
  if (closed_ || failed_.load(std::memory_order_relaxed)) return;
  take_synced();
  if (due()) hand_over();
  disk_is_late_ = handed_over_at_ != 0 && options_.clock->monotonic() - handed_over_at_ >= limits::commit_delay_max_us;
  // Documents may keep the state ahead of the log for ever; then the owner waits, for a little.
  if (checkpointer_->step(progress()) && wait_durable(applied_lsn_, limits::checkpoint_wait_us)) {
    (void)checkpointer_->step(progress());
  }
  settled_segment_.store(checkpointer_->oldest_segment(), std::memory_order_relaxed);
  rows_->evict(options_.row_bytes_max, limits::evict_visits);
}

// The next batch that is handed over begins a segment; those already on their way are before it.
void Partition::Work::seal() {
  seals_ = true;
  sealed_before_.reset();
}

std::optional<Micros> Partition::Work::next_due() const {
  if (closed_ || failed_.load(std::memory_order_relaxed)) return std::nullopt;
  std::optional<Micros> due = checkpointer_->next_due(progress());
  // While the disk is busy its end calls us.
  if (open_.count > 0 && sync_->idle()) {
    Micros lazy = opened_at_ + limits::batch_age_lazy_us;
    due = std::min(due.value_or(lazy), lazy);
  }
  return due;
}

void Partition::Work::synced() {
  if (!closed_ && !failed_.load(std::memory_order_relaxed)) take_synced();
}

Refusal Partition::Work::refusal() const { return refusal_for(0, false); }

bool Partition::Work::wait_durable(Lsn lsn, Micros at_most_us) {
  Micros until = options_.clock->monotonic() + at_most_us;
  while (durable_lsn_ < lsn && !failed_) {
    if (!sync_->idle()) {
      if (!sync_->wait_finished(until - options_.clock->monotonic())) return false;
      take_synced();
    }
    hand_over();
  }
  return durable_lsn_ >= lsn;
}

Result<> Partition::Work::make_durable() {
  if (wait_durable(applied_lsn_, patience_us)) return Done{};
  return Problem(Error::storage_io, options_.place.path, "The log could not be made durable");
}

Result<> Partition::Work::close() {
  if (closed_) return Done{};
  loan_->end();  // who waits for the state would wait for nothing
  if (failed_ || !wait_durable(applied_lsn_, patience_us) || !checkpointer_->flush(progress())) {
    return Problem(Error::storage_io, options_.place.path, "The partition could not be closed cleanly");
  }
  closed_ = true;
  return Done{};
}

Result<Digest> Partition::Work::full_digest() {
  if (!wait_durable(applied_lsn_, patience_us) || !checkpointer_->flush(progress())) {
    return Problem(Error::storage_io, options_.place.path, "The state could not be written");
  }
  Digest all;
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    auto counted = state_->count_digest(tree);
    if (!counted) return counted.problem();
    if (*counted != state_->digest(tree)) {
      return Problem(Error::storage_damaged, options_.place.path, "The state does not match its digest");
    }
    all += *counted;
  }
  return all;
}

Result<Lsn> Partition::Work::make_base() {
  if (!wait_durable(applied_lsn_, patience_us) || !checkpointer_->flush(progress())) {
    return Problem(Error::storage_io, options_.place.path, "The state could not be written");
  }
  if (checkpointer_->last().applied_lsn == 0) return Lsn{0};
  StateLoan::Writing writing(*loan_);
  auto view = state_->view();
  if (!view) return view.problem();
  const BaseOptions its{options_.place, options_.clock, options_.disk, options_.state_map_bytes};
  auto base = write_base(its, **view, checkpointer_->last());
  if (!base) return base.problem();
  return base->applied_lsn;
}

}  // namespace headrace
