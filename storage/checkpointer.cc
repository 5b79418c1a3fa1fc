// The steps of a checkpoint.
#include "storage/checkpointer.h"

#include <algorithm>

#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/kill_point.h"

namespace headrace {
namespace {

constexpr std::string_view record_key = "state";
constexpr uint8_t record_version = 1;
constexpr std::array counted_trees = {Tree::documents, Tree::indexes, Tree::rows};

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
  state.put(Tree::meta, record_key, bytes);
}

std::optional<StateRecord> read_record(State& state) {
  auto bytes = state.get(Tree::meta, record_key);
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
  return record;
}

Checkpointer::Checkpointer(const Parts& parts, const Checkpoint& last)
    : parts_(parts), last_(last), began_us_(parts.clock.monotonic()) {
  marks_.forget_before(last.position);
}

// Replay from here re-does whatever is not in the state, or not acknowledged elsewhere.
Lsn Checkpointer::replay_from(const Progress& progress) const {
  Lsn from = progress.folded + 1;
  if (auto oldest = parts_.rows.oldest_change()) from = std::min(from, *oldest);
  if (hold_) from = std::min(from, *hold_);
  return from;
}

bool Checkpointer::lagging(const Progress& progress) const {
  if (parts_.rows.dirty() == 0) return false;
  return progress.folded > last_.replay_from + limits::replay_records_max ||
         parts_.rows.bytes() > parts_.row_bytes_max;
}

bool Checkpointer::transaction_full() const {
  return parts_.state.dirty_pages() >= limits::checkpoint_dirty_pages;
}

bool Checkpointer::due(const Progress& progress) const {
  if (transaction_full() || lagging(progress)) return true;
  bool changed =
      parts_.state.changed() || parts_.rows.dirty() > 0 || replay_from(progress) > last_.replay_from;
  return changed && parts_.clock.monotonic() - began_us_ >= parts_.age_us;
}

bool Checkpointer::step(const Progress& progress) {
  if (phase_ == Phase::in_flight) {
    if (!parts_.background.take_finished()) return false;
    finish();
  }
  if (phase_ == Phase::idle && due(progress)) begin();
  if (phase_ == Phase::writing) {
    write_slice();
  } else if (phase_ == Phase::settling) {
    if (state_lsn_ > progress.folded) return settling_too_long();
    commit(progress);
  }
  return false;
}

bool Checkpointer::settling_too_long() {
  Micros now = parts_.clock.monotonic();
  if (now - settling_since_us_ < limits::checkpoint_settle_us) return false;
  settling_since_us_ = now;
  return true;
}

void Checkpointer::begin() {
  began_us_ = parts_.clock.monotonic();
  if (parts_.rows.chunk_empty()) parts_.rows.take_chunk(limits::rows_behind_max);
  phase_ = Phase::writing;
}

void Checkpointer::write_slice() {
  Micros start = parts_.clock.monotonic();
  size_t dirty_before = parts_.rows.dirty();
  state_changed(parts_.rows.write_chunk(limits::rows_behind_step));
  rows_written_ += dirty_before - parts_.rows.dirty();
  Micros now = parts_.clock.monotonic();
  if (parts_.observe_stall && dirty_before != parts_.rows.dirty()) parts_.observe_stall(now - start);
  bool enough = parts_.state.dirty_pages() >= 2 * limits::checkpoint_dirty_pages;
  if (!parts_.rows.chunk_empty() && !enough) return;
  phase_ = Phase::settling;
  settling_since_us_ = now;
}

void Checkpointer::commit(const Progress& progress) {
  CHECK(!parts_.background.in_flight());  // rule R
  CHECK(state_lsn_ <= progress.folded || state_lsn_ <= progress.documents);
  committed_us_ = parts_.clock.monotonic();
  next_ = {};
  next_.seq = last_.seq + 1;
  next_.applied_lsn = progress.documents;
  next_.replay_from = replay_from(progress);
  next_.position = marks_.at_or_before(next_.replay_from, progress.end);
  next_.digest = parts_.state.digest();
  next_.created = parts_.clock.wall();
  next_.page_bytes = parts_.state.page_bytes();
  StateRecord record{next_.applied_lsn, next_.replay_from, parts_.definitions, {}};
  for (size_t i = 0; i < counted_trees.size(); ++i) record.digests[i] = parts_.state.digest(counted_trees[i]);
  write_record(parts_.state, record);
  next_.txn_id = parts_.state.commit();
  if (parts_.state.failed()) return;  // fail-stop was called
  kill_point("in_checkpoint");
  auto captured = parts_.background.checkpoints().capture_meta(next_);
  if (!captured) return parts_.background.fail(captured.problem());
  parts_.background.submit(next_);
  phase_ = Phase::in_flight;
  if (parts_.observe_stall) parts_.observe_stall(parts_.clock.monotonic() - committed_us_);
}

void Checkpointer::finish() {
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

bool Checkpointer::flush(const Progress& progress) {
  while (!parts_.state.failed()) {
    if (phase_ == Phase::in_flight) {
      if (!parts_.background.wait_finished() || !parts_.background.take_finished()) return false;
      finish();
    }
    bool clean = parts_.rows.dirty() == 0 && !parts_.state.changed();
    if (clean && last_.applied_lsn == progress.documents && last_.replay_from == replay_from(progress))
      return true;
    write_much();
    commit(progress);
    if (phase_ != Phase::in_flight) return false;
  }
  return false;
}

}  // namespace headrace
