// Each entity has a home; an event reaches those that live elsewhere as a fold record in their partition's
// own log.
#include "src/events/event_fold.h"

#include <array>
#include <cstring>
#include <utility>

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/log.h"
#include "src/base/stagger.h"
#include "src/events/erasure_order.h"

namespace headrace {
namespace {

constexpr uint8_t fold_version = 2;
constexpr uint8_t feature_table = 1;   // and the two behind it: one per kind of entity
constexpr uint8_t source_table = 250;  // per source partition: how far its folds have been taken

// A log of another version of this program.
void check_version(uint8_t version, Lsn lsn) {
  if (version == fold_version) return;
  log_line(Level::error, "fold_version_unknown",
           {{"lsn", lsn}, {"version", uint64_t{version}}, {"known", uint64_t{fold_version}}});
  CHECK(version == fold_version);
}

// The remainder, mostly without the division.
uint32_t home_at(uint64_t key_hash, uint32_t partitions) {
  bool power_of_two = (partitions & (partitions - 1)) == 0;
  return static_cast<uint32_t>(power_of_two ? key_hash & (partitions - 1) : key_hash % partitions);
}

}  // namespace

uint32_t home_of(std::string_view key, uint32_t partitions) { return home_at(hash64(key), partitions); }

EventFold::EventFold(std::shared_ptr<const features::Plan> plan, uint32_t partition, uint32_t partitions,
                     FoldOutbox* outbox)
    : plan_(plan),
      engine_(plan, feature_table),
      writers_(partitions, features::FoldWriter(plan)),
      partition_(partition),
      partitions_(partitions),
      outbox_(outbox) {}

void EventFold::apply(const RecordView& record, Rows& rows, bool) { apply_all({&record, 1}, rows); }

// Other records wait for their turn among the events; what is looked ahead past them is a guess as ever.
void EventFold::apply_all(std::span<const RecordView> records, Rows& rows) {
  auto next = [&](Replayed& one) {
    if (records.empty()) return false;
    one.record = records.front();
    records = records.subspan(1);
    if (one.record.kind != Kind::event) return one.fold.clear(), true;
    auto event = decode_event(one.record.payload);
    CHECK(event.ok());  // the batch's hash was right, so we wrote this
    prepare(*event, one.fold);
    return true;
  };
  auto expect = [&](Replayed& one, size_t step) { look_ahead(one.fold, step, rows); };
  auto finish = [&](Replayed& one) {
    if (one.record.kind == Kind::event) fold(one.fold, one.record.lsn, rows);
    if (one.record.kind == Kind::fold) fold_received(one.record.payload, one.record.lsn, rows);
    if (one.record.kind == Kind::control) erase(one.record.payload, one.record.lsn, rows);
  };
  stagger<look_ahead_steps>(replayed_, next, expect, finish);
}

bool EventFold::resume(std::string_view definitions, uint64_t digest) {
  auto stored = features::definitions_of(definitions);
  if (!stored) return false;
  auto plan = features::Plan::compile(*stored);
  if (!plan || (*plan)->definition_digest() != digest) return false;
  serve(std::move(*plan));
  return true;
}

void EventFold::carry(const features::Plan& coming) {
  auto plan = features::Plan::compile(plan_->definitions(), &coming);
  CHECK(plan.ok() && (*plan)->definition_digest() == plan_->definition_digest());
  serve(std::move(*plan));
}

void EventFold::serve(std::shared_ptr<const features::Plan> plan) {
  plan_ = plan;
  engine_ = FeatureEngine(plan, feature_table);
  writers_.assign(partitions_, features::FoldWriter(plan));
  if (outbox_ != nullptr) outbox_->end_runs();
}

void EventFold::refold(const RecordView& record, Rows& rows) { refold_all({&record, 1}, rows); }

void EventFold::refold_all(std::span<const RecordView> records, Rows& rows) {
  FoldOutbox* outbox = std::exchange(outbox_, nullptr);
  apply_all(records, rows);
  outbox_ = outbox;
}

void EventFold::prepare(const Event& event, Foldable& foldable) {
  foldable.clear();
  foldable.charge = charge_of(event);
  if (event.source == own_source) return;
  for (EntityKind kind : features::all_kinds) {
    std::string_view key = features::key_of(event, kind);
    if (key.empty()) continue;
    uint64_t hash = hash64(key);
    uint32_t home = home_at(hash, partitions_);
    uint8_t table = engine_.table_of(kind);
    if (home == partition_)
      foldable.add(Foldable::Here{kind, {table, key, Rows::hash_of(table, hash)}});
    else
      foldable.add(Foldable::Away{kind, home, key});
  }
  if (foldable.here_count + foldable.away_count > 0) engine_.observe(event, foldable.seen);
}

void EventFold::look_ahead(Foldable& foldable, size_t step, const Rows& rows) const {
  for (auto& here : foldable.here()) engine_.look_ahead(here.kind, here.row, foldable.seen, step, rows);
}

void EventFold::fold(const Foldable& foldable, Lsn lsn, Rows& rows) {
  if (foldable.charge) fold_charge(*foldable.charge, lsn, rows);
  for (auto& here : foldable.here()) fold_one(here.kind, here.row, foldable.seen, lsn, rows);
  if (outbox_ == nullptr) return;
  for (auto& away : foldable.away()) fold_elsewhere(away, foldable.seen, lsn);
}

void EventFold::fold_charge(const Charge& charge, Lsn lsn, Rows& rows) {
  Row* row = rows.fold(credit_table, charge.account, lsn);
  if (row == nullptr) return;
  const int64_t paid = credits_paid(row) + charge.credits;
  row->bytes.assign({reinterpret_cast<const char*>(&paid), sizeof paid});
}

void EventFold::fold_one(EntityKind kind, const RowName& row, const Observation& seen, Lsn lsn,
                         Rows& rows) const {
  if (watcher_ != nullptr) watcher_->before(kind, row, seen);
  engine_.fold(kind, row, seen, lsn, rows);
  if (watcher_ != nullptr) watcher_->after(kind, row, seen);
}

void EventFold::fold_elsewhere(const Foldable::Away& away, const Observation& seen, Lsn lsn) {
  FoldOutbox::Room room = outbox_->room(away.home);
  features::FoldWriter& writer = writers_[away.home];
  FoldRank rank = features::rank_of(lsn, away.kind);
  if (room.begins) writer.begin(room.folds);
  writer.add(rank, away.key, seen, room.folds);
  outbox_->added(away.home, lsn, rank);
}

void EventFold::fold_received(std::string_view payload, Lsn lsn, Rows& rows) {
  Taker taker(payload);
  check_version(taker.fixed<uint8_t>(), lsn);
  uint64_t source = taker.varint();
  features::FoldReader reader(engine_.plan(), taker.rest());
  FoldRank rank = 0;
  auto next = [&](Received& one) {
    if (!reader.next(one.fold)) return false;
    one.row = engine_.name_of(one.fold.kind(), one.fold.key);
    return true;
  };
  auto expect = [&](Received& one, size_t step) {
    engine_.look_ahead(one.fold.kind(), one.row, one.fold.seen, step, rows);
  };
  auto finish = [&](Received& one) {
    fold_one(one.fold.kind(), one.row, one.fold.seen, lsn, rows);
    rank = one.fold.rank;
  };
  stagger<look_ahead_steps>(received_, next, expect, finish);
  CHECK(!taker.failed() && !reader.failed());  // the batch's hash was right, so we wrote this
  if (Row* row = rows.fold(source_table, std::to_string(source), lsn))
    row->bytes.assign({reinterpret_cast<const char*>(&rank), sizeof rank});
}

// Rows by their names, wherever they are: replay has no more than the hashes.
void EventFold::erase(std::string_view payload, Lsn lsn, Rows& rows) {
  auto order = ErasureOrder::decode(payload);
  if (!order) return;
  for (EntityKind kind : features::all_kinds)
    rows_erased_ += rows.erase_all(
        engine_.table_of(kind), [&](std::string_view key) { return order->owns(kind, key); }, lsn);
  rows_erased_ += rows.erase_all(
      credit_table, [&](std::string_view account) { return order->owns(EntityKind::user, account); }, lsn);
}

std::optional<features::Trimmed> EventFold::trim(std::string_view payload, const features::LeaveOutFold& leave_out,
                                                 std::string& out) {
  Taker taker(payload);
  auto version = taker.fixed<uint8_t>();
  uint64_t source = taker.varint();
  if (taker.failed() || version != fold_version) return std::nullopt;
  put_fixed(version, out);
  put_varint(source, out);
  return features::trim_folds(taker.rest(), leave_out, out);
}

void EventFold::encode_unseen(const FoldBatch& batch, FoldRank seen, std::string& out) {
  out.push_back(static_cast<char>(fold_version));
  put_varint(batch.source, out);
  if (batch.first > seen) {
    out.append(batch.folds);
    return;
  }
  // Only after a crash was some of it taken before.
  features::FoldReader reader(engine_.plan(), batch.folds);
  features::FoldWriter writer(plan_);
  features::Fold fold;
  writer.begin(out);
  while (reader.next(fold))
    if (fold.rank > seen) writer.add(fold.rank, fold.key, fold.seen, out);
  CHECK(!reader.failed());
}

FoldRank EventFold::last_rank(uint32_t source, Rows& rows) {
  FoldRank rank = 0;
  if (const Row* row = rows.find(source_table, std::to_string(source)))
    std::memcpy(&rank, row->bytes.data(), sizeof rank);
  return rank;
}

Row* EventFold::row_of(EntityKind kind, std::string_view key, Rows& rows) {
  return rows.find(static_cast<uint8_t>(feature_table + static_cast<uint8_t>(kind)), key);
}

}  // namespace headrace
