// Rows by other definitions, folded from the log on a thread beside the owner (src/events/backfill.h), and the switch to them.
#include "storage/log_reader.h"
#include "storage/recovery.h"
#include "storage/scratch_state.h"
#include "tests/sim/life.h"
#include "tests/sim/schedule.h"

namespace headrace::sim {

std::string Life::begin_folding() {
  if (coming_fold_) return {};
  coming_fold_ = std::make_unique<TallyFold>(truth_.unseen.rbegin()->first + 1);  // from here on retention waits
  settle_keeper();
  coming_seen_.clear();
  coming_ = std::make_unique<ComingState>();
  coming_->generation = partition_->next_generation();
  coming_->folded = partition_->durable_lsn();
  folder_ = std::thread([this] { fold_coming(); });
  return {};
}

void Life::fold_coming() {
  auto fold = [this]() -> Result<> {
    auto scratch = ScratchState::open({.directory = options_.place.state(coming_->generation),
                                       .disk = options_.disk,
                                       .map_bytes = options_.state_map_bytes,
                                       .row_bytes_max = options_.row_bytes_max});
    if (!scratch) return scratch.problem();
    coming_->scratch = std::move(*scratch);
    auto reader = LogReader::open(options_.place, 1, coming_->folded);
    if (!reader) return reader.problem();
    coming_->reader = std::make_unique<LogReader>(std::move(*reader));
    RecordView record;
    while (true) {
      auto more = coming_->reader->next(record);
      if (!more) return more.problem();
      if (!*more) break;
      coming_seen_.insert(record.lsn);
      if (record.kind != Kind::put && record.kind != Kind::erase)
        coming_fold_->refold(record, coming_->scratch->rows());
      TRY_DONE(coming_->scratch->relieve());
      Schedule::of_this_thread()->pass();
    }
    TRY_DONE(coming_->scratch->write_rows());
    return coming_->scratch->sync();
  };
  Result<> done = fold();
  if (!done) note_problem(done.problem());
  if (!done) coming_->scratch.reset();
  folded_ = true;
}

void Life::give_up_folding() {
  if (folder_.joinable()) folder_.join();
  coming_.reset();
  coming_fold_.reset();
  folded_ = false;
}

// What the log had no more when it was folded must be what may be gone.
std::string Life::switch_over() {
  folder_.join();
  if (!coming_->scratch) return give_up_folding(), std::string();
  uint64_t definition = coming_fold_->definition_digest();
  std::set<Lsn>& unseen = truth_.unseen[definition];
  Lsn first = coming_seen_.empty() ? coming_->folded + 1 : *coming_seen_.begin();
  for (Lsn lsn = 1; lsn <= coming_->folded; ++lsn) {
    if (coming_seen_.contains(lsn)) continue;
    if (!truth_.may_be_gone(lsn, first)) return "a back-fill was not given LSN " + std::to_string(lsn);
    unseen.insert(lsn);
  }
  truth_.coming = definition;
  uint32_t generation = coming_->generation;
  auto done = partition_->switch_state(*coming_, *coming_fold_);
  if (!done && done.problem().error != Error::overloaded) return said("no switch", done.problem());  // or half of one
  truth_.coming = 0;
  if (!done) return give_up_folding(), std::string();
  (void)fold_.resume(std::to_string(definition), definition);
  truth_.definition = definition;
  picture_ = truth_.picture();
  ++deeds_.switched;
  give_up_folding();
  return remove_replaced(generation);
}

std::string Life::remove_replaced(uint32_t generation) {
  for (uint32_t old = 0; old < generation; ++old) {
    auto there = options_.disk->exists(options_.place.state(old));
    if (!there) return said("a replaced state cannot be looked for", there.problem());
    if (!*there) continue;
    auto removed = remove_state(*options_.disk, options_.place.state(old));
    if (!removed) return said("a replaced state cannot be removed", removed.problem());
  }
  return {};
}

}  // namespace headrace::sim
