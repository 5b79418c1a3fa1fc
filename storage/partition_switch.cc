// Going on with a state that was made beside the live one. CKPT names the state that holds its commit, so the
// switch is one slot written: before it a crash finds the old state, after it the new one.
#include "storage/kill_point.h"
#include "storage/log_reader.h"
#include "storage/partition_work.h"
#include "storage/scratch_state.h"

namespace headrace {

ComingState::ComingState() = default;
ComingState::ComingState(ComingState&&) noexcept = default;
ComingState::~ComingState() = default;

Result<> Partition::Work::switch_state(ComingState& coming, Fold& fold) {
  kill_point("before_switch");
  if (closed_ || failed_) return Error::shutting_down;
  if (!wait_durable(applied_lsn_, limits::checkpoint_wait_us)) return Error::overloaded;
  if (durable_lsn_ > coming.folded + limits::backfill_tail_records_max) return Error::overloaded;
  TRY_DONE(fold_tail(coming, fold));
  State& next = coming.scratch->state();
  for (StateTree tree : {StateTree::documents, StateTree::indexes}) next.copy(tree, *state_);
  if (!checkpointer_->settle()) return Error::storage_io;
  if (loan_->lent()) loan_->wait_back();  // a view of the state that goes

  Definitions definitions = definitions_of(fold);
  coming.scratch->exchange(state_, backing_, rows_, [this](const Problem& problem) { stop(problem); });
  documents_ = std::make_unique<Documents>(*state_, options_.tables);
  checkpointer_ = std::make_unique<Checkpointer>(checkpointer_parts(std::move(definitions)),
                                                 std::move(*checkpointer_), coming.generation);
  generation_ = coming.generation;
  if (!checkpointer_->flush(progress())) return Error::storage_io;
  kill_point("after_switch");
  return Done{};
}

Result<> Partition::Work::fold_tail(ComingState& coming, Fold& fold) {
  coming.reader->extend(durable_lsn_);
  RecordView record;
  while (true) {
    auto more = coming.reader->next(record);
    if (!more) return more.problem();
    if (!*more) break;
    if (record.kind != Kind::put && record.kind != Kind::erase) fold.refold(record, coming.scratch->rows());
  }
  coming.folded = durable_lsn_;
  return Done{};
}

}  // namespace headrace
