// Steps 1 and 2: directories, slots, state.
#include "storage/recovery.h"

#include <algorithm>

#include "storage/checkpointer.h"
#include "storage/log_tail.h"

namespace headrace {
namespace {

class Recovery {
 public:
  Recovery(const PartitionOptions& options, const State::FailStop& fail_stop)
      : options_(options), disk_(*options.disk), place_(options.place), fail_stop_(fail_stop) {}

  Result<Recovered> run() {
    TRY_DONE(prepare_directories());
    TRY_DONE(read_slots());
    TRY_DONE(prepare_log());
    TRY_DONE(choose_state());
    TRY_DONE(mend_log());
    return std::move(result_);
  }

 private:
  Result<> prepare_directories();
  Result<> read_slots();
  Result<> prepare_log();
  Result<> choose_state();
  Result<bool> try_slot(const Checkpoint& slot);
  Result<> begin_anew(const std::string& why);
  Result<> mend_log();
  LogWriterOptions log_options() const;

  const PartitionOptions& options_;
  Disk& disk_;
  const PartitionPlace& place_;
  State::FailStop fail_stop_;
  std::vector<Checkpoint> slots_;
  bool new_log_ = false;
  std::string mismatch_;
  Recovered result_;
};

LogWriterOptions Recovery::log_options() const {
  return {.place = place_,
          .clock = options_.clock,
          .disk = &disk_,
          .spares = nullptr,
          .segment_bytes = options_.segment_bytes};
}

Result<> Recovery::prepare_directories() {
  auto exists = disk_.exists(place_.state());  // made last
  if (!exists) return exists.problem();
  if (*exists) return Done{};
  for (const std::string& path : {place_.path, place_.log(), place_.state()})
    TRY_DONE(disk_.create_directory(path));
  TRY_DONE(disk_.sync_directory(place_.path));
  return disk_.sync_directory(place_.path + "/..");
}

Result<> Recovery::read_slots() {
  auto store = CheckpointStore::open(disk_, place_);
  if (!store) return store.problem();
  result_.checkpoints = std::move(*store);
  auto slots = result_.checkpoints->read();
  if (!slots) return slots.problem();
  slots_ = std::move(*slots);
  for (const Checkpoint& slot : slots_) result_.redo_from = std::max(result_.redo_from, slot.replay_from);
  return Done{};
}

Result<> Recovery::prepare_log() {
  auto names = disk_.list(place_.log());
  if (!names) return names.problem();
  for (const std::string& name : *names) {
    if (name.ends_with(".tmp")) TRY_DONE(disk_.remove(place_.log() + "/" + name));
  }
  auto segments = list_segments(disk_, place_);
  if (!segments) return segments.problem();
  if (!segments->empty()) return Done{};
  if (!slots_.empty() && slots_.front().applied_lsn > 0) {
    return Problem(
        Error::storage_damaged, place_.log(),
        "All segments are missing; LSN 1 to " + std::to_string(slots_.front().applied_lsn) + " are lost");
  }
  new_log_ = true;
  LogPosition start{1, segment_header_bytes, 1, salt_of(place_)};
  size_t zeros = std::min(limits::first_segment_bytes, options_.segment_bytes) - segment_header_bytes;
  return create_segment(log_options(), start, {}, zeros);
}

Result<> Recovery::choose_state() {
  for (const Checkpoint& slot : slots_) {
    auto fits = try_slot(slot);
    if (!fits) return fits.problem();
    if (!*fits) continue;
    result_.checkpoint = slot;
    result_.checkpoint.seq = slots_.front().seq;  // the next slot must outrank all
    return Done{};
  }
  return begin_anew(slots_.empty() ? "there is no valid checkpoint" : mismatch_);
}

Result<bool> Recovery::try_slot(const Checkpoint& slot) {
  auto restored = result_.checkpoints->restore(slot);
  if (!restored) return restored.problem();
  if (!*restored) {
    mismatch_ = "the state's file is missing or too short";
    return false;
  }
  // While the state is on trial, damage is no reason to stop: the log has everything.
  auto on_trial = std::make_shared<bool>(true);
  auto state =
      State::open(place_.state(), options_.state_map_bytes, [on_trial, stop = fail_stop_](const Problem& p) {
        if (!*on_trial) stop(p);
      });
  if (!state) {
    mismatch_ = state.problem().text();
    return false;
  }
  auto record = read_record(**state);
  Digest sum;
  for (const Digest& digest : record.value_or(StateRecord{}).digests) sum += digest;
  bool same = record && record->applied_lsn == slot.applied_lsn && record->replay_from == slot.replay_from &&
              sum == slot.digest;
  if (!same) {
    mismatch_ = "the state is not what its checkpoint says";
    return false;
  }
  for (size_t i = 0; i < record->digests.size(); ++i)
    (*state)->set_digest(static_cast<Tree>(i), record->digests[i]);
  *on_trial = false;
  result_.state = std::move(*state);
  return true;
}

Result<> Recovery::begin_anew(const std::string& why) {
  // No slot may name a commit of the file that is removed now.
  TRY_DONE(result_.checkpoints->invalidate());
  result_.checkpoints.reset();
  for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(disk_.remove(place_.state() + name));
  TRY_DONE(disk_.sync_directory(place_.state()));
  auto state = State::open(place_.state(), options_.state_map_bytes, fail_stop_);
  if (!state) return state.problem();
  TRY_DONE(disk_.sync_directory(place_.state()));
  result_.state = std::move(*state);
  auto store = CheckpointStore::open(disk_, place_);
  if (!store) return store.problem();
  result_.checkpoints = std::move(*store);
  auto start = LogWalker::at_start(disk_, place_);
  if (!start) return start.problem();
  if (start->end().lsn != 1) {
    return Problem(Error::storage_damaged, place_.path,
                   "The state cannot be read (" + why + ") and the log begins only at LSN " +
                       std::to_string(start->end().lsn));
  }
  result_.checkpoint.position = start->end();
  result_.checkpoint.seq = slots_.empty() ? 0 : slots_.front().seq;
  if (!new_log_) result_.report.state_rebuilt = why;
  return Done{};
}

Result<> Recovery::mend_log() {
  Lsn durable_bound = 0;
  for (const Checkpoint& slot : slots_) durable_bound = std::max(durable_bound, slot.applied_lsn);
  auto tail = find_log_end(disk_, place_, result_.checkpoint.position, durable_bound);
  if (!tail) return tail.problem();
  auto end = mend_tail(log_options(), *tail);
  if (!end) return end.problem();
  result_.end = *end;
  RecoveryReport& report = result_.report;
  report.applied_lsn = result_.checkpoint.applied_lsn;
  report.replay_from = result_.checkpoint.replay_from;
  report.last_lsn = result_.end.lsn - 1;
  report.bytes_cut = tail->cut_bytes;
  report.batches_rewritten = tail->batches.size();
  return Done{};
}

}  // namespace

Result<Recovered> recover(const PartitionOptions& options, const State::FailStop& fail_stop) {
  return Recovery(options, fail_stop).run();
}

}  // namespace headrace
