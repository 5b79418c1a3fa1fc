// The steps of a checkpoint.
#include "storage/checkpointer.h"

#include <algorithm>

#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/kill_point.h"
#include "storage/rule.h"

namespace headrace {
namespace {

constexpr std::string_view record_key = "state", text_key = "definitions", settling_key = "settling";
constexpr uint8_t record_version = 1;
constexpr std::array counted_trees = {StateTree::documents, StateTree::indexes, StateTree::rows};

}  // namespace

void write_record(State& state, const StateRecord& record) {
  std::string bytes;
  put_fixed(record_version, bytes);
  put_fixed(record.applied_lsn, bytes);
  put_fixed(record.replay_from, bytes);
  put_fixed(record.definitions.fold, bytes);
  put_fixed(record.definitions.indexes, bytes);
  for (const Digest& digest : record.digests) {
    put_fixed(digest.low, bytes);
    put_fixed(digest.high, bytes);
  }
  state.put(StateTree::meta, record_key, bytes);
  if (!record.definitions.text.empty()) state.put(StateTree::meta, text_key, record.definitions.text);
}

std::optional<StateRecord> read_record(State& state) {
  auto bytes = state.get(StateTree::meta, record_key);
  if (!bytes) return std::nullopt;
  Taker take(*bytes);
  if (take.fixed<uint8_t>() != record_version) return std::nullopt;
  StateRecord record;
  record.applied_lsn = take.fixed<uint64_t>();
  record.replay_from = take.fixed<uint64_t>();
  record.definitions.fold = take.fixed<uint64_t>();
  record.definitions.indexes = take.fixed<uint64_t>();
  for (Digest& digest : record.digests) {
    digest.low = take.fixed<uint64_t>();
    digest.high = take.fixed<uint64_t>();
  }
  if (take.failed()) return std::nullopt;
  if (auto text = state.get(StateTree::meta, text_key)) record.definitions.text = *text;
  return record;
}

Checkpointer::Checkpointer(const Parts& parts, const Checkpoint& last, uint32_t oldest_segment)
    : parts_(parts),
      last_(last),
      oldest_segment_(oldest_segment),
      generation_(last.generation),
      previous_generation_(last.generation),
      began_us_(parts.clock.monotonic()) {
  marks_.forget_before(last.position);
}

Checkpointer::Checkpointer(const Parts& parts, Checkpointer&& before, uint32_t generation)
    : parts_(parts),
      marks_(std::move(before.marks_)),
      last_(before.last_),
      oldest_segment_(before.oldest_segment_),
      generation_(generation),
      previous_generation_(last_.generation),
      hold_(before.hold_),
      began_us_(before.began_us_),
      checkpoints_(before.checkpoints_),
      rows_written_(before.rows_written_) {}

// Replay from here re-does whatever is not in the state, or not acknowledged elsewhere.
Lsn Checkpointer::replay_from(const Progress& progress) const {
  Lsn from = progress.folded + 1;
  if (auto oldest = parts_.rows.oldest_change()) from = std::min(from, *oldest);
  if (hold_) from = std::min(from, *hold_);
  return from;
}

bool Checkpointer::lagging(const Progress& progress) const {
  if (parts_.rows.dirty() == 0) return false;
  return progress.folded > last_.replay_from + limits::replay_records_max || short_of_memory();
}

bool Checkpointer::short_of_memory() const {
  return parts_.rows.dirty() > 0 && parts_.rows.bytes() > parts_.row_bytes_max;
}

bool Checkpointer::transaction_full() const {
  return parts_.state.dirty_pages() >= limits::checkpoint_dirty_pages;
}

bool Checkpointer::due(const Progress& progress) const {
  if (transaction_full() || lagging(progress)) return true;
  return changed(progress) && parts_.clock.monotonic() - began_us_ >= parts_.age_us;
}

bool Checkpointer::changed(const Progress& progress) const {
  return parts_.state.changed() || parts_.rows.dirty() > 0 || replay_from(progress) > last_.replay_from ||
         !settled() || oldest_segment_ < wanted_segment_;
}

std::optional<Micros> Checkpointer::next_due(const Progress& progress) const {
  switch (phase_) {
    case Phase::idle:
      if (changed(progress) && !view_in_danger()) return began_us_ + parts_.age_us;
      return std::nullopt;
    case Phase::writing:
      return next_slice_us_;
    case Phase::settling:
      return settling_since_us_ + limits::checkpoint_settle_us;
    case Phase::in_flight:
      return may_write_ahead() ? std::optional(next_slice_us_) : std::nullopt;
  }
  return std::nullopt;
}

bool Checkpointer::step(const Progress& progress) {
  if (phase_ == Phase::in_flight) {
    if (!parts_.background.take_finished() && !is_broken(Rule::one_commit_at_a_time)) {
      if (may_write_ahead()) write_rows(limits::checkpoint_step_lagging_us);
      return false;
    }
    finish();
  }
  if (parts_.loan.asked()) lend();
  if (phase_ == Phase::idle && due(progress) && !held_up(progress)) begin();
  if (phase_ == Phase::writing) {
    write_slice(progress);
  } else if (phase_ == Phase::settling) {
    if (state_lsn_ > progress.folded && !is_broken(Rule::log_before_state)) return settling_too_long();
    commit(progress);
  }
  return false;
}

// The newest commit is the last checkpoint's, which is durable: nothing is in flight.
void Checkpointer::lend() {
  if (last_.txn_id == 0 || last_.applied_lsn == 0 || parts_.loan.lent()) return;
  auto view = parts_.state.view();
  if (view) parts_.loan.lend({std::move(*view), last_});
}

// The next commit would be the third one after what is lent.
bool Checkpointer::view_in_danger() const {
  auto lent = parts_.loan.lent();
  return lent && last_.txn_id >= *lent + 2 && !is_broken(Rule::views_hold_commits);
}

bool Checkpointer::held_up(const Progress& progress) {
  if (!view_in_danger()) return false;
  if (lagging(progress) || parts_.state.dirty_pages() >= limits::dirty_pages_max / 2) parts_.loan.want_back();
  return true;
}

bool Checkpointer::settling_too_long() {
  Micros now = parts_.clock.monotonic();
  if (now - settling_since_us_ < limits::checkpoint_settle_us) return false;
  settling_since_us_ = now;
  return true;
}

void Checkpointer::begin() {
  began_us_ = parts_.clock.monotonic();
  phase_ = Phase::writing;
}

// While the disk is busy with a checkpoint, and rows must go: those of the next one go into the open transaction already.
bool Checkpointer::may_write_ahead() const {
  return short_of_memory() && parts_.state.dirty_pages() < limits::checkpoint_pages_short;
}

// A request passes the loop several times on its way; each time it may wait for a slice. Without pauses between
// them, those would add up to the whole checkpoint.
void Checkpointer::write_slice(const Progress& progress) {
  bool hurried = lagging(progress);
  if (parts_.clock.monotonic() < next_slice_us_ && !hurried) return;
  if (!write_rows(hurried ? limits::checkpoint_step_lagging_us : limits::checkpoint_step_us)) return;
  phase_ = Phase::settling;
  settling_since_us_ = parts_.clock.monotonic();
}

// For about `at_most_us`; true when the chunk is behind, or the transaction large enough.
bool Checkpointer::write_rows(Micros at_most_us) {
  const Micros start = parts_.clock.monotonic();
  const bool large = short_of_memory();
  const size_t pages_max = large ? limits::checkpoint_pages_short : 2 * limits::checkpoint_dirty_pages;
  if (parts_.rows.chunk_empty()) parts_.rows.take_chunk(large ? limits::rows_behind_short : limits::rows_behind_max);
  const size_t dirty_before = parts_.rows.dirty();
  Micros now = start;
  bool done = false;
  while (!done && now < start + at_most_us) {
    state_changed(parts_.rows.write_chunk(limits::rows_behind_step));
    done = parts_.rows.chunk_empty() || parts_.state.dirty_pages() >= pages_max;
    now = parts_.clock.monotonic();
  }
  next_slice_us_ = now + limits::checkpoint_pause * (now - start);
  rows_written_ += dirty_before - parts_.rows.dirty();
  if (parts_.observe_stall && dirty_before != parts_.rows.dirty()) parts_.observe_stall(now - start);
  return done;
}

void Checkpointer::commit(const Progress& progress) {
  bool overlapping = parts_.background.in_flight();
  CHECK(!overlapping || is_broken(Rule::one_commit_at_a_time));  // rule R
  CHECK(state_lsn_ <= std::max(progress.folded, progress.documents) || is_broken(Rule::log_before_state));
  committed_us_ = parts_.clock.monotonic();
  next_ = {};
  next_.seq = last_.seq + 1;
  next_.applied_lsn = progress.documents;
  next_.replay_from = replay_from(progress);
  next_.position = marks_.at_or_before(next_.replay_from, progress.end);
  next_.digest = parts_.state.digest();
  next_.created = parts_.clock.wall();
  next_.page_bytes = parts_.state.page_bytes();
  next_.generation = generation_;
  next_.fold = parts_.definitions.fold;
  StateRecord record{next_.applied_lsn, next_.replay_from, parts_.definitions, {}};
  for (size_t i = 0; i < counted_trees.size(); ++i) record.digests[i] = parts_.state.digest(counted_trees[i]);
  write_record(parts_.state, record);
  if (!parts_.state.changed()) count_settling();  // LMDB commits nothing that did not change
  next_.txn_id = parts_.state.commit();
  if (parts_.state.failed()) return;  // fail-stop was called
  kill_point("in_checkpoint");
  if (!settled()) kill_point("in_switch");
  auto captured = parts_.background.checkpoints().capture_meta(next_);
  if (!captured) return parts_.background.fail(captured.problem());
  if (!overlapping) parts_.background.submit(next_, lagging(progress));
  phase_ = Phase::in_flight;
  if (parts_.observe_stall) parts_.observe_stall(parts_.clock.monotonic() - committed_us_);
}

void Checkpointer::count_settling() {
  std::string bytes;
  put_fixed(next_.seq, bytes);
  parts_.state.put(StateTree::meta, settling_key, bytes);
}

void Checkpointer::finish() {
  oldest_segment_ = last_.position.segment;  // of the slot that the next one will overwrite
  previous_generation_ = last_.generation;
  last_ = next_;
  marks_.forget_before(last_.position);
  ++checkpoints_;
  phase_ = Phase::idle;
  if (parts_.observe_checkpoint) parts_.observe_checkpoint(parts_.clock.monotonic() - committed_us_);
}

// Fills whole transactions: nobody is served meanwhile.
void Checkpointer::write_much() {
  constexpr size_t pages_max = limits::dirty_pages_max / 2;
  size_t dirty_before = parts_.rows.dirty();
  while (parts_.rows.dirty() > 0 && parts_.state.dirty_pages() < pages_max && !parts_.state.failed()) {
    if (parts_.rows.chunk_empty()) parts_.rows.take_chunk(limits::rows_behind_max);
    state_changed(parts_.rows.write_chunk(limits::rows_behind_step));
  }
  rows_written_ += dirty_before - parts_.rows.dirty();
}

bool Checkpointer::settle() {
  if (phase_ != Phase::in_flight) return true;
  if (!parts_.background.wait_finished() || !parts_.background.take_finished()) return false;
  finish();
  return true;
}

bool Checkpointer::flush(const Progress& progress) {
  if (parts_.loan.lent()) parts_.loan.wait_back();
  while (!parts_.state.failed()) {
    if (!settle()) return false;
    bool clean = parts_.rows.dirty() == 0 && !parts_.state.changed() && settled();
    if (clean && last_.applied_lsn == progress.documents && last_.replay_from == replay_from(progress))
      return true;
    write_much();
    commit(progress);
    if (phase_ != Phase::in_flight) return false;
  }
  return false;
}

}  // namespace headrace
