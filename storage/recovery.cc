// Steps 1 and 2: directories, slots, state.
#include "storage/recovery.h"

#include <algorithm>

#include "src/base/log.h"
#include "storage/base.h"
#include "storage/checkpointer.h"
#include "storage/log_begin.h"
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
    TRY_DONE(remove_states());
    TRY_DONE(mend_log());
    TRY_DONE(keep_begin());
    return std::move(result_);
  }

 private:
  Result<> prepare_directories();
  Result<> read_slots();
  Result<> prepare_log();
  Result<> check_begin(uint32_t first_segment);
  Result<> keep_begin();
  Result<> choose_state();
  Result<bool> try_slot(const Checkpoint& slot);
  Result<bool> has_all_entries(State& state, const StateRecord& record, uint32_t generation);
  Result<> begin_anew(const std::string& why);
  Result<> remove_states();
  Result<> forget_state();
  Result<bool> try_base(Lsn lsn);
  Result<> begin_empty(const std::string& why);
  Result<> reopen_checkpoints();
  Result<> mend_log();
  LogWriterOptions log_options() const;
  Lsn known_lsn() const;

  const PartitionOptions& options_;
  Disk& disk_;
  const PartitionPlace& place_;
  State::FailStop fail_stop_;
  std::vector<Checkpoint> slots_;
  std::vector<Lsn> bases_;  // newest first
  bool new_log_ = false;
  Lsn first_lsn_ = 1;  // of the log
  std::string mismatch_;
  Recovered result_;
};

// The newest record that a checkpoint or a base has seen: the log must hold it.
Lsn Recovery::known_lsn() const {
  Lsn known = bases_.empty() ? 0 : bases_.front();
  for (const Checkpoint& slot : slots_) known = std::max(known, slot.applied_lsn);
  return known;
}

LogWriterOptions Recovery::log_options() const {
  return {.place = place_,
          .clock = options_.clock,
          .disk = &disk_,
          .spares = nullptr,
          .segment_bytes = options_.segment_bytes};
}

// What is found may be there for the kernel only, when a process was killed between making and syncing it:
// every start syncs names, and CKPT, before it trusts them.
Result<> Recovery::prepare_directories() {
  for (const std::string& path : {place_.path, place_.log(), place_.state()})
    TRY_DONE(disk_.create_directory(path));
  TRY_DONE(clear_unfinished_bases(disk_, place_));
  TRY_DONE(disk_.sync_directory(place_.path));
  auto bases = list_bases(disk_, place_);
  if (!bases) return bases.problem();
  bases_ = std::move(*bases);
  for (Lsn lsn : bases_) TRY_DONE(disk_.sync_directory(place_.base(lsn)));  // BASE was renamed there
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
  TRY_DONE(disk_.sync_directory(place_.log()));
  auto segments = list_segments(disk_, place_);
  if (!segments) return segments.problem();
  if (!segments->empty()) return check_begin(segments->front());
  if (Lsn known = known_lsn(); known > 0) {
    return Problem(Error::storage_damaged, place_.log(),
                   "All segments are missing; LSN 1 to " + std::to_string(known) + " are lost");
  }
  new_log_ = true;
  LogPosition start{1, segment_header_bytes, 1, salt_of(place_)};
  size_t zeros = std::min(limits::first_segment_bytes, options_.segment_bytes) - segment_header_bytes;
  return create_segment(log_options(), start, {}, zeros);
}

// A first segment that cannot be read is no matter of its begin: whoever needs it will say so.
Result<> Recovery::check_begin(uint32_t first_segment) {
  auto reader = SegmentReader::open(disk_, place_, first_segment);
  if (!reader && reader.problem().error != Error::storage_damaged) return reader.problem();
  first_lsn_ = reader ? reader->header().first_lsn : 0;
  return reader ? check_log_begin(disk_, place_, first_lsn_) : Done{};
}

// Where there is none yet, or one that nobody can read though nothing is missing.
Result<> Recovery::keep_begin() {
  if (options_.key == nullptr || first_lsn_ == 0) return Done{};
  auto begin = read_log_begin(disk_, place_);
  if (!begin && begin.problem().error != Error::storage_damaged) return begin.problem();
  if (begin && *begin) return Done{};
  return write_log_begin(disk_, place_, *options_.key,
                         {.lsn = first_lsn_, .why = new_log_ ? "made" : "found", .time = options_.clock->wall()});
}

Result<> Recovery::choose_state() {
  for (const Checkpoint& slot : slots_) {
    auto fits = try_slot(slot);
    if (!fits) return fits.problem();
    if (!*fits) continue;
    result_.checkpoint = slot;
    result_.checkpoint.seq = slots_.front().seq;  // the next slot must outrank all
    result_.oldest_segment = slot.position.segment;
    for (const Checkpoint& other : slots_)
      result_.oldest_segment = std::min(result_.oldest_segment, other.position.segment);
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
      State::open(place_.state(slot.generation), options_.state_map_bytes, [on_trial, stop = fail_stop_](const Problem& p) {
        if (!*on_trial) stop(p);
      });
  if (!state && state.problem().error != Error::storage_damaged) return state.problem();
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
    (*state)->set_digest(static_cast<StateTree>(i), record->digests[i]);
  auto all_there = has_all_entries(**state, *record, slot.generation);
  if (!all_there || !*all_there) return all_there;
  *on_trial = false;
  result_.state = std::move(*state);
  return true;
}

// No CRC tells of an entry that a damaged page hides; the digest does. A large state is left to the scrub.
Result<bool> Recovery::has_all_entries(State& state, const StateRecord& record, uint32_t generation) {
  auto file = disk_.open(place_.state(generation) + "/data.mdb", OpenMode::read);
  if (!file) return file.problem();
  auto size = (*file)->size();
  if (!size) return size.problem();
  if (*size > options_.state_check_bytes_max) return true;
  for (size_t i = 0; i < record.digests.size(); ++i) {
    auto counted = state.count_digest(static_cast<StateTree>(i));
    if (counted && *counted == record.digests[i]) continue;
    mismatch_ = "the state's entries are not those that its digest was made of";
    return false;
  }
  return true;
}

Result<> Recovery::begin_anew(const std::string& why) {
  std::string reasons = why;
  for (Lsn lsn : bases_) {
    auto taken = try_base(lsn);
    if (!taken) return taken.problem();
    if (*taken) {
      result_.report.state_rebuilt = reasons;
      return Done{};
    }
    log_line(Level::warning, "base_not_taken", {{"lsn", lsn}, {"reason", std::string_view(mismatch_)}});
    reasons += "; " + mismatch_;
  }
  return begin_empty(reasons);
}

// No slot may name a commit of the file that is removed now.
Result<> Recovery::forget_state() {
  result_.state.reset();
  TRY_DONE(result_.checkpoints->invalidate());
  result_.checkpoints.reset();
  for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(disk_.remove(place_.state() + name));
  return disk_.sync_directory(place_.state());
}

Result<> Recovery::reopen_checkpoints() {
  TRY_DONE(disk_.sync_directory(place_.state()));
  auto store = CheckpointStore::open(disk_, place_);
  if (!store) return store.problem();
  result_.checkpoints = std::move(*store);
  return Done{};
}

// A base is a checkpoint of a data file that is put in the state's place.
Result<bool> Recovery::try_base(Lsn lsn) {
  TRY_DONE(forget_state());
  auto base = take_base(disk_, place_, lsn, place_.state());
  TRY_DONE(reopen_checkpoints());
  if (!base && base.problem().error != Error::storage_damaged) return base.problem();
  if (!base) {
    mismatch_ = base.problem().text();
    return false;
  }
  auto fits = try_slot(*base);
  if (!fits || !*fits) return fits;
  result_.checkpoint = *base;
  if (!slots_.empty()) result_.checkpoint.seq = std::max(base->seq, slots_.front().seq);
  result_.oldest_segment = base->position.segment;
  result_.report.base_lsn = lsn;
  return true;
}

Result<> Recovery::begin_empty(const std::string& why) {
  auto start = LogWalker::at_start(disk_, place_);
  if (!start) return start.problem();
  if (start->end().lsn != 1) {
    return Problem(Error::storage_damaged, place_.path,
                   "The state cannot be made: the log begins only at LSN " + std::to_string(start->end().lsn) +
                       " and no base leads there (" + why + ")");
  }
  TRY_DONE(forget_state());
  auto state = State::open(place_.state(), options_.state_map_bytes, fail_stop_);
  if (!state) return state.problem();
  result_.state = std::move(*state);
  TRY_DONE(reopen_checkpoints());
  result_.checkpoint.position = start->end();
  result_.oldest_segment = start->end().segment;
  result_.checkpoint.seq = slots_.empty() ? 0 : slots_.front().seq;
  if (!new_log_) result_.report.state_rebuilt = why;
  return Done{};
}

// States of other generations, unless a slot may still need them.
Result<> Recovery::remove_states() {
  auto names = disk_.list(place_.path);
  if (!names) return names.problem();
  for (const std::string& name : *names) {
    std::string path = place_.path + "/" + name;
    auto needs = [&](const Checkpoint& slot) { return place_.state(slot.generation) == path; };
    bool other = (name == "state" || name.starts_with("state.")) && !needs(result_.checkpoint);
    bool held = result_.checkpoint.applied_lsn > 0 && std::ranges::any_of(slots_, needs);
    if (other && !held) TRY_DONE(remove_state(disk_, path));
  }
  return Done{};
}

Result<> Recovery::mend_log() {
  auto tail = find_log_end(disk_, place_, result_.checkpoint.position, known_lsn());
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

Result<> remove_state(Disk& disk, const std::string& directory) {
  for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(disk.remove(directory + name));
  return disk.remove(directory);
}

Result<Recovered> recover(const PartitionOptions& options, const State::FailStop& fail_stop) {
  return Recovery(options, fail_stop).run();
}

}  // namespace headrace
