// The writing side of a partition: records into the open batch, effects applied at once.
#include "storage/partition.h"

#include "storage/kill_point.h"
#include "storage/partition_work.h"
#include "storage/put_payload.h"

namespace headrace {
namespace {

Problem problem_of(Refusal refusal) {
  return refusal == Refusal::storage_full ? Error::storage_full : Error::overloaded;
}

Result<> check_effect(const Change::Effect& effect) {
  if (effect.key.size() > limits::key_bytes_max)
    return Problem(Error::invalid_input, "key", "The key is too long");
  if (effect.bytes.size() + effect.key.size() > limits::record_bytes_max) {
    return Problem(Error::body_too_large, "The record is too large");
  }
  return Done{};
}

bool is_document(Kind kind) { return kind == Kind::put || kind == Kind::erase; }

}  // namespace

// `reserve`: it may use the space that others must leave free: what gives space back, and what makes events whole
// that were taken in before.
Refusal Partition::Work::refusal_for(size_t bytes, bool reserve) const {
  if (failed_.load(std::memory_order_relaxed)) return Refusal::overloaded;
  // Who came now would wait as long again: a producer that is told so at once may do better elsewhere or later.
  if (disk_is_late_ && !reserve) return Refusal::overloaded;
  if (open_.body.size() + bytes > limits::open_batch_bytes_max) return Refusal::overloaded;
  if (state_->dirty_pages() > limits::dirty_pages_max) return Refusal::overloaded;
  if (rows_->bytes() > 2 * options_.row_bytes_max) return Refusal::overloaded;
  return background_->disk_full() && !reserve ? Refusal::storage_full : Refusal::none;
}

Lsn Partition::Work::encode(const RecordView& record) {
  if (open_.count == 0) {
    open_.first_lsn = applied_lsn_ + 1;
    open_.base_time = record.time;
  }
  encode_record(record, open_.base_time, open_.body);
  ++open_.count;
  ++counters_.records;
  return ++applied_lsn_;
}

Result<Lsn> Partition::Work::append(const RecordView& record, bool apply) {
  CHECK(!is_document(record.kind));
  size_t bytes = encoded_record_bytes_max(record.key.size(), record.payload.size());
  if (bytes > limits::record_bytes_max) return Problem(Error::body_too_large, "The record is too large");
  Refusal refusal = refusal_for(bytes, record.kind == Kind::fold);
  if (refusal != Refusal::none) return problem_of(refusal);
  RecordView logged = record;
  logged.lsn = encode(record);
  kill_point("after_append");
  if (apply) fold_.apply(logged, *rows_, false);
  hand_over_if_large();
  return logged.lsn;
}

Result<Lsn> Partition::Work::commit(const Change& change) {
  size_t bytes = 0;
  bool erasing = true;
  for (const Change::Effect& effect : change.effects) {
    TRY_DONE(check_effect(effect));
    bytes += encoded_record_bytes_max(effect.key.size(), effect.bytes.size() + 1);
    erasing = erasing && effect.kind == Kind::erase;
  }
  if (change.empty()) return applied_lsn_;
  if (Refusal refusal = refusal_for(bytes, erasing); refusal != Refusal::none) return problem_of(refusal);
  Micros time = options_.clock->wall();
  std::string payload;
  for (const Change::Effect& effect : change.effects) {
    payload = is_document(effect.kind) ? put_payload(effect.table, effect.bytes) : effect.bytes;
    Lsn lsn = encode({0, effect.kind, effect.version, time, effect.key, payload});
    apply_effect(effect, lsn, time);
  }
  kill_point("after_append");
  hand_over_if_large();
  return applied_lsn_;
}

void Partition::Work::apply_effect(const Change::Effect& effect, Lsn lsn, Micros time) {
  if (!is_document(effect.kind)) {
    return fold_.apply({lsn, effect.kind, effect.version, time, effect.key, effect.bytes}, *rows_, false);
  }
  if (effect.kind == Kind::put) documents_->put(effect.table, effect.key, effect.bytes);
  if (effect.kind == Kind::erase) documents_->erase(effect.table, effect.key);
  checkpointer_->state_changed(lsn);
}

Partition::Partition(std::unique_ptr<Work> work) : work_(std::move(work)) {}
Partition::~Partition() = default;

Result<std::unique_ptr<Partition>> Partition::open(PartitionOptions options, Fold& fold) {
  auto work = std::make_unique<Work>(std::move(options), fold);
  TRY_DONE(work->start());
  return std::unique_ptr<Partition>(new Partition(std::move(work)));
}

Result<Lsn> Partition::append(Kind kind, uint8_t version, std::string_view key, std::string_view payload,
                              bool apply) {
  return append_at(work_->options_.clock->wall(), kind, version, key, payload, apply);
}

Result<Lsn> Partition::append_at(Micros time, Kind kind, uint8_t version, std::string_view key,
                                 std::string_view payload, bool apply) {
  return work_->append({0, kind, version, time, key, payload}, apply);
}

Result<Lsn> Partition::commit(const Change& change) { return work_->commit(change); }
Rows& Partition::rows() { return *work_->rows_; }
Documents& Partition::documents() { return *work_->documents_; }
Lsn Partition::applied_lsn() const { return work_->applied_lsn_; }
Lsn Partition::durable_lsn() const { return work_->durable_lsn_; }
Lsn Partition::durable_lsn_any_thread() const { return work_->sync_->durable_lsn(); }
uint32_t Partition::next_generation() const { return work_->generation_.load(std::memory_order_relaxed) + 1; }
Result<> Partition::switch_state(ComingState& coming, Fold& fold) {
  return work_->switch_state(coming, fold);
}
uint32_t Partition::settled_segment() const {
  return work_->settled_segment_.load(std::memory_order_relaxed);
}
void Partition::seal() { work_->seal(); }
std::optional<uint32_t> Partition::sealed_before() const { return work_->sealed_before_; }
void Partition::hurry() { ++work_->hurried_; }
size_t Partition::waiting() const { return work_->open_.count > 0 && work_->sync_->idle() ? work_->hurried_ : 0; }
void Partition::pump() { work_->pump(); }
std::optional<Micros> Partition::next_due() const { return work_->next_due(); }
void Partition::synced() { work_->synced(); }
Refusal Partition::refusal() const { return work_->refusal(); }
void Partition::hold(Lsn oldest) { work_->checkpointer_->hold(oldest); }
void Partition::release() { work_->checkpointer_->hold(std::nullopt); }
Result<> Partition::make_durable() { return work_->make_durable(); }
Result<> Partition::close() { return work_->close(); }
Result<Digest> Partition::full_digest() { return work_->full_digest(); }
Result<Lsn> Partition::make_base() { return work_->make_base(); }
StateLoan& Partition::loan() { return *work_->loan_; }
const RecoveryReport& Partition::recovery() const { return work_->report_; }

PartitionCounters Partition::counters() const {
  PartitionCounters counters = work_->counters_;
  counters.checkpoints = work_->checkpointer_->checkpoints();
  counters.rows_written_behind = work_->checkpointer_->rows_written();
  return counters;
}

}  // namespace headrace
