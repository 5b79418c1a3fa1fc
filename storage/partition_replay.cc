// The start of a partition: adopts what recovery found and replays the log into it.
#include <unistd.h>

#include <cstdio>

#include "storage/log_walker.h"
#include "storage/partition_work.h"
#include "storage/put_payload.h"

namespace headrace {
namespace {

constexpr int fail_stop_status = 70;  // EX_SOFTWARE

[[noreturn]] void stop_process(const Problem& problem) {
  std::fprintf(stderr, "storage failed, stopping: %s\n", problem.text().c_str());
  ::_exit(fail_stop_status);
}

}  // namespace

void Partition::Work::stop(const Problem& problem) {
  failed_ = true;
  options_.fail_stop ? options_.fail_stop(problem) : stop_process(problem);
}

Result<> Partition::Work::start() {
  Micros began = options_.clock->monotonic();
  auto recovered = recover(options_, [this](const Problem& problem) { stop(problem); });
  if (!recovered) return recovered.problem();
  report_ = recovered->report;
  LogPosition end = recovered->end;
  auto writer = LogWriter::open({.place = options_.place,
                                 .clock = options_.clock,
                                 .disk = options_.disk,
                                 .spares = nullptr,
                                 .segment_bytes = options_.segment_bytes},
                                end);
  if (!writer) return writer.problem();
  TRY_DONE(adopt(std::move(*recovered)));
  writer->use_spares(background_.get());
  sync_ = std::make_unique<SyncThread>(std::move(*writer), *options_.clock, options_.wake,
                                       [this](const Problem& problem) { stop(problem); });
  applied_lsn_ = durable_lsn_ = end.lsn - 1;
  log_end_ = end;
  settled_segment_ = checkpointer_->oldest_segment();
  if (failed_)
    return Problem(Error::storage_io, options_.place.path, "The partition failed while it was opened");
  report_.duration_us = options_.clock->monotonic() - began;
  return Done{};
}

Definitions Partition::Work::definitions_of(const Fold& fold) const {
  return {fold.definition_digest(), documents_->definition_digest(), fold.definitions()};
}

bool Partition::Work::can_resume(const StateRecord& stored) {
  const Definitions& its = stored.definitions;
  return !its.text.empty() && fold_.resume(its.text, its.fold) && fold_.definition_digest() == its.fold;
}

Checkpointer::Parts Partition::Work::checkpointer_parts(Definitions definitions) {
  return {.state = *state_,
          .rows = *rows_,
          .background = *background_,
          .loan = *loan_,
          .clock = *options_.clock,
          .definitions = std::move(definitions),
          .age_us = options_.checkpoint_age_us,
          .row_bytes_max = options_.row_bytes_max,
          .observe_checkpoint = options_.observe_checkpoint,
          .observe_stall = options_.observe_stall};
}

Result<> Partition::Work::adopt(Recovered recovered) {
  state_ = std::move(recovered.state);
  documents_ = std::make_unique<Documents>(*state_, options_.tables);
  backing_ = std::make_unique<StateRows>(*state_);
  rows_ = std::make_unique<Rows>(backing_.get());
  loan_ = std::make_unique<StateLoan>(options_.wake);
  background_ = std::make_unique<Background>(
      BackgroundOptions{.place = options_.place,
                        .clock = options_.clock,
                        .disk = options_.disk,
                        .segment_bytes = options_.segment_bytes,
                        .free_bytes_min = options_.free_bytes_min,
                        .wake = options_.wake,
                        .fail_stop = [this](const Problem& problem) { stop(problem); }},
      std::move(recovered.checkpoints));
  auto record = read_record(*state_);
  bool fresh = !record || recovered.checkpoint.applied_lsn == 0;
  bool refold = !fresh && record->definitions.fold != fold_.definition_digest() && !can_resume(*record);
  Definitions now = definitions_of(fold_);
  if (!fresh && record->definitions.indexes != now.indexes) documents_->rebuild_indexes();
  checkpointer_ = std::make_unique<Checkpointer>(checkpointer_parts(std::move(now)), recovered.checkpoint,
                                                 recovered.oldest_segment);
  generation_ = recovered.checkpoint.generation;
  if (refold) state_->drop(StateTree::rows);
  if (state_->entries(StateTree::rows) == 0) rows_->assume_complete();
  report_.rows_refolded = refold;
  return replay(recovered, refold);
}

// Rows are folded from replay_from on, documents from behind the checkpoint's LSN on.
Result<> Partition::Work::replay(const Recovered& recovered, bool refold) {
  const Checkpoint& checkpoint = recovered.checkpoint;
  auto walker = refold ? LogWalker::at_start(*options_.disk, options_.place)
                       : LogWalker::at_position(*options_.disk, options_.place, checkpoint.position);
  if (!walker) return walker.problem();
  while (walker->end().lsn < recovered.end.lsn && !failed_) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found) {
      return damaged_log(walker->reader().path(), walker->end().offset, walker->end().lsn,
                         recovered.end.lsn - 1, walker->reader().why_not());
    }
    TRY_DONE(replay_batch(*walker, recovered, refold ? 1 : checkpoint.replay_from));
    TRY_DONE(relieve(walker->end(), checkpoint.applied_lsn));
  }
  return Done{};
}

Result<> Partition::Work::replay_batch(LogWalker& walker, const Recovered& recovered, Lsn fold_from) {
  checkpointer_->remember(walker.position());
  auto cursor = walker.records();
  if (!cursor) return cursor.problem();
  std::vector<RecordView> known, anew;  // by fold_from
  RecordView record;
  while (!cursor->at_end()) {
    TRY_DONE(cursor->next(record));
    ++report_.records_replayed;
    if (record.kind == Kind::put || record.kind == Kind::erase) {
      if (record.lsn > recovered.checkpoint.applied_lsn) TRY_DONE(replay_document(record));
    } else if (record.lsn >= fold_from) {
      (record.lsn < recovered.redo_from ? known : anew).push_back(record);
    }
  }
  fold_.refold_all(known, *rows_);
  fold_.apply_all(anew, *rows_);
  return Done{};
}

Result<> Partition::Work::replay_document(const RecordView& record) {
  auto payload = parse_put_payload(record.payload);
  if (!payload || record.key.size() > limits::key_bytes_max) {
    return Problem(Error::storage_damaged, options_.place.path,
                   "The record at LSN " + std::to_string(record.lsn) + " is no document");
  }
  if (record.kind == Kind::put) documents_->put(payload->table, record.key, payload->value);
  if (record.kind == Kind::erase) documents_->erase(payload->table, record.key);
  checkpointer_->state_changed(record.lsn);
  return Done{};
}

// Keeps memory and the open transaction bounded while much is replayed.
Result<> Partition::Work::relieve(const LogPosition& end, Lsn documents_at) {
  rows_->evict(options_.row_bytes_max, limits::evict_visits);
  bool heavy = rows_->bytes() > options_.row_bytes_max || state_->dirty_pages() > limits::dirty_pages_max / 2;
  if (!heavy) return Done{};
  Lsn folded = end.lsn - 1;
  if (checkpointer_->flush({folded, std::max(folded, documents_at), end})) return Done{};
  return Problem(Error::storage_io, options_.place.path, "A checkpoint failed while the log was replayed");
}

}  // namespace headrace
