// Folding a log into a fresh state beside the live one, from a base on where there is one.
#include <algorithm>

#include "storage/base.h"
#include "storage/checkpointer.h"
#include "storage/log_walker.h"
#include "storage/partition.h"
#include "storage/put_payload.h"
#include "storage/state_rows.h"

namespace headrace {
namespace {

class Rebuild {
 public:
  Rebuild(const PartitionOptions& options, const std::string& directory, Fold& fold, const RebuildGoal& goal)
      : options_(options), directory_(directory), fold_(fold), goal_(goal) {}

  Result<Rebuilt> run() {
    TRY_DONE(empty_directory());
    TRY_DONE(choose_start());
    TRY_DONE(open_state());
    TRY_DONE(walk());
    if (goal_.look) goal_.look(*rows_);
    write_rows();
    return count();
  }

  Result<> empty_directory() {
    TRY_DONE(options_.disk->create_directory(directory_));
    for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(options_.disk->remove(directory_ + name));
    return Done{};
  }

 private:
  Result<> choose_start();
  Result<> open_state();
  void take_over();
  Result<> walk();
  Result<> check_end(LogWalker& log);
  Result<> apply_batch(LogWalker& walker);
  Result<> apply(const RecordView& record);
  void write_rows();
  Result<Rebuilt> count();

  const PartitionOptions& options_;
  const std::string& directory_;
  Fold& fold_;
  const RebuildGoal& goal_;
  std::optional<Problem> failure_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Documents> documents_;
  std::unique_ptr<StateRows> backing_;
  std::unique_ptr<Rows> rows_;
  Checkpoint start_;  // what the state holds before the log is folded
  std::vector<RecordView> folded_;  // scratch: of one batch, what is to be folded
  Rebuilt result_;
};

// The newest base that is whole and from which the log goes on; else nothing, and the log must begin at LSN 1.
Result<> Rebuild::choose_start() {
  auto bases = list_bases(*options_.disk, options_.place);
  if (!bases) return bases.problem();
  std::string reasons;
  for (Lsn lsn : *bases) {
    if (lsn > goal_.last) continue;
    auto base = take_base(*options_.disk, options_.place, lsn, directory_);
    if (base) {
      start_ = *base;
      result_.base_lsn = lsn;
      return Done{};
    }
    if (base.problem().error != Error::storage_damaged) return base.problem();
    reasons += "; " + base.problem().text();
    TRY_DONE(empty_directory());
  }
  auto log = LogWalker::at_start(*options_.disk, options_.place);
  if (!log) return log.problem();
  start_.position = log->end();
  if (start_.position.lsn == 1) return Done{};
  return Problem(Error::storage_damaged, options_.place.log(),
                 "The log begins only at LSN " + std::to_string(start_.position.lsn) +
                     " and no base before what is wanted leads there" + reasons);
}

Result<> Rebuild::open_state() {
  auto state = State::open(directory_, options_.state_map_bytes, [this](const Problem& p) { failure_ = p; });
  if (!state) return state.problem();
  state_ = std::move(*state);
  documents_ = std::make_unique<Documents>(*state_, options_.tables);
  backing_ = std::make_unique<StateRows>(*state_);
  rows_ = std::make_unique<Rows>(backing_.get());
  if (result_.base_lsn != 0) take_over();
  if (state_->entries(StateTree::rows) == 0) rows_->assume_complete();
  return Done{};
}

// As an opening partition does with what its checkpoint left.
void Rebuild::take_over() {
  auto record = read_record(*state_);
  if (!record) return;  // the digest will tell
  for (size_t i = 0; i < record->digests.size(); ++i)
    state_->set_digest(static_cast<StateTree>(i), record->digests[i]);
  if (record->definitions.indexes != documents_->definition_digest()) documents_->rebuild_indexes();
  if (record->definitions.fold == fold_.definition_digest()) return;
  state_->drop(StateTree::rows);
  start_.replay_from = 1;
}

Result<> Rebuild::walk() {
  auto walker = start_.replay_from == 1 ? LogWalker::at_start(*options_.disk, options_.place)
                                        : LogWalker::at_position(*options_.disk, options_.place, start_.position);
  if (!walker) return walker.problem();
  while (!failure_ && walker->end().lsn <= goal_.last) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found) break;
    TRY_DONE(apply_batch(*walker));
    if (rows_->bytes() > options_.row_bytes_max || state_->dirty_pages() > limits::dirty_pages_max / 2)
      write_rows();
    rows_->evict(options_.row_bytes_max, rows_->count());
  }
  result_.last_lsn = std::min(walker->end().lsn - 1, goal_.last);
  if (goal_.last == std::numeric_limits<Lsn>::max()) return check_end(*walker);
  if (result_.last_lsn == goal_.last || failure_) return Done{};
  return Problem(Error::invalid_input, "lsn", "The log ends at LSN " + std::to_string(result_.last_lsn));
}

// What is known to have been durable must be there.
Result<> Rebuild::check_end(LogWalker& log) {
  if (log.end().lsn > log.durable_bound()) return Done{};
  return damaged_log(log.reader().path(), log.end().offset, log.end().lsn, log.durable_bound(),
                     log.reader().why_not());
}

Result<> Rebuild::apply_batch(LogWalker& walker) {
  auto cursor = walker.records();
  if (!cursor) return cursor.problem();
  folded_.clear();
  RecordView record;
  while (!cursor->at_end()) {
    TRY_DONE(cursor->next(record));
    if (record.lsn > goal_.last) break;
    TRY_DONE(apply(record));
    ++result_.records;
  }
  fold_.refold_all(folded_, *rows_);
  return Done{};
}

Result<> Rebuild::apply(const RecordView& record) {
  if (record.kind != Kind::put && record.kind != Kind::erase) {
    if (record.lsn >= start_.replay_from) folded_.push_back(record);
    return Done{};
  }
  if (record.lsn <= start_.applied_lsn) return Done{};
  auto payload = parse_put_payload(record.payload);
  if (!payload || record.key.size() > limits::key_bytes_max) {
    return Problem(Error::storage_damaged, options_.place.log(),
                   "The record at LSN " + std::to_string(record.lsn) + " is no document");
  }
  if (record.kind == Kind::put) documents_->put(payload->table, record.key, payload->value);
  if (record.kind == Kind::erase) documents_->erase(payload->table, record.key);
  return Done{};
}

void Rebuild::write_rows() {
  while (rows_->dirty() > 0 && !failure_) {
    if (rows_->chunk_empty()) rows_->take_chunk(limits::rows_behind_max);
    rows_->write_chunk(limits::rows_behind_max);
    if (state_->dirty_pages() > limits::dirty_pages_max / 2) state_->commit();
  }
  state_->commit();
}

Result<Rebuilt> Rebuild::count() {
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    auto digest = state_->count_digest(tree);
    if (!digest) return digest.problem();
    result_.digest += *digest;
  }
  if (failure_) return *failure_;
  result_.documents = state_->entries(StateTree::documents);
  result_.rows = state_->entries(StateTree::rows);
  return result_;
}

}  // namespace

Result<Rebuilt> rebuild(const PartitionOptions& options, const std::string& scratch_dir, Fold& fold,
                        const RebuildGoal& goal) {
  Rebuild work(options, scratch_dir, fold, goal);
  auto rebuilt = work.run();
  TRY_DONE(work.empty_directory());
  TRY_DONE(options.disk->remove(scratch_dir));
  return rebuilt;
}

}  // namespace headrace
