// Folding a whole log into a fresh state beside the live one.
#include "storage/checkpointer.h"
#include "storage/log_walker.h"
#include "storage/partition.h"
#include "storage/put_payload.h"
#include "storage/state_rows.h"

namespace headrace {
namespace {

class Rebuild {
 public:
  Rebuild(const PartitionOptions& options, const std::string& directory, Fold& fold)
      : options_(options), directory_(directory), fold_(fold) {}

  Result<Rebuilt> run() {
    TRY_DONE(empty_directory());
    auto state =
        State::open(directory_, options_.state_map_bytes, [this](const Problem& p) { failure_ = p; });
    if (!state) return state.problem();
    state_ = std::move(*state);
    documents_ = std::make_unique<Documents>(*state_, options_.tables);
    backing_ = std::make_unique<StateRows>(*state_);
    rows_ = std::make_unique<Rows>(backing_.get());
    rows_->assume_complete();
    TRY_DONE(walk());
    write_rows();
    return count();
  }

  Result<> empty_directory() {
    TRY_DONE(options_.disk->create_directory(directory_));
    for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(options_.disk->remove(directory_ + name));
    return Done{};
  }

 private:
  Result<> walk();
  Result<> apply_batch(LogWalker& walker);
  Result<> apply(const RecordView& record);
  void write_rows();
  Result<Rebuilt> count();

  const PartitionOptions& options_;
  const std::string& directory_;
  Fold& fold_;
  std::optional<Problem> failure_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Documents> documents_;
  std::unique_ptr<StateRows> backing_;
  std::unique_ptr<Rows> rows_;
  Rebuilt result_;
};

Result<> Rebuild::walk() {
  auto walker = LogWalker::at_start(*options_.disk, options_.place);
  if (!walker) return walker.problem();
  if (walker->end().lsn != 1) {
    return Problem(Error::storage_damaged, options_.place.log(), "The log does not begin at LSN 1");
  }
  while (!failure_) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found) break;
    TRY_DONE(apply_batch(*walker));
    if (rows_->bytes() > options_.row_bytes_max || state_->dirty_pages() > limits::dirty_pages_max / 2)
      write_rows();
    rows_->evict(options_.row_bytes_max, rows_->count());
  }
  result_.last_lsn = walker->end().lsn - 1;
  if (walker->end().lsn > walker->durable_bound()) return Done{};
  return damaged_log(walker->reader().path(), walker->end().offset, walker->end().lsn,
                     walker->durable_bound(), walker->reader().why_not());
}

Result<> Rebuild::apply_batch(LogWalker& walker) {
  auto records = walker.records();
  if (!records) return records.problem();
  const BatchHeader& batch = walker.batch();
  RecordCursor cursor(*records, batch.first_lsn, batch.count, batch.base_time);
  RecordView record;
  while (!cursor.at_end()) {
    TRY_DONE(cursor.next(record));
    TRY_DONE(apply(record));
    ++result_.records;
  }
  return Done{};
}

Result<> Rebuild::apply(const RecordView& record) {
  if (record.kind != Kind::put && record.kind != Kind::erase) {
    fold_.refold(record, *rows_);
    return Done{};
  }
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
  for (Tree tree : {Tree::documents, Tree::indexes, Tree::rows}) {
    auto digest = state_->count_digest(tree);
    if (!digest) return digest.problem();
    result_.digest += *digest;
  }
  if (failure_) return *failure_;
  return result_;
}

}  // namespace

Result<Rebuilt> rebuild(const PartitionOptions& options, const std::string& scratch_dir, Fold& fold) {
  Rebuild work(options, scratch_dir, fold);
  auto rebuilt = work.run();
  TRY_DONE(work.empty_directory());
  TRY_DONE(options.disk->remove(scratch_dir));
  return rebuilt;
}

}  // namespace headrace
