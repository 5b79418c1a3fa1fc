// Each entity has a home; an event reaches those that live elsewhere as a fold record in their partition's
// own log.
#include "src/events/event_fold.h"

#include <array>
#include <cstring>
#include <utility>

#include "codec/checksum.h"
#include "codec/varint.h"

namespace headrace {
namespace {

constexpr uint8_t feature_table = 1;   // and the two behind it: one per kind of entity
constexpr uint8_t source_table = 250;  // per source partition: how far its folds have been taken

constexpr EntityKind all_kinds[] = {EntityKind::cart, EntityKind::user, EntityKind::session};
static_assert(std::size(all_kinds) == features::entity_kinds);

constexpr size_t look_ahead_max = 32;  // rows asked for before the first is changed

std::string_view key_of(const Event& event, EntityKind kind) {
  return kind == EntityKind::cart ? event.cart : kind == EntityKind::user ? event.user : event.session;
}

// By event, and within an event by kind of entity.
FoldRank rank_of(Lsn lsn, EntityKind kind) {
  return lsn * features::entity_kinds + static_cast<uint64_t>(kind);
}

}  // namespace

uint32_t home_of(std::string_view key, uint32_t partitions) {
  return static_cast<uint32_t>(hash64(key) % partitions);
}

EventFold::EventFold(std::shared_ptr<const features::Plan> plan, uint32_t partition, uint32_t partitions,
                     FoldOutbox* outbox)
    : engine_(std::move(plan), feature_table),
      partition_(partition),
      partitions_(partitions),
      outbox_(outbox) {}

void EventFold::apply(const RecordView& record, Rows& rows, bool) {
  if (record.kind == Kind::event) {
    auto event = decode_event(record.payload);
    CHECK(event.ok());  // the batch's hash was right, so we wrote this
    fold_event(*event, record.lsn, rows);
  } else if (record.kind == Kind::fold) {
    fold_received(record.payload, record.lsn, rows);
  }
}

void EventFold::refold(const RecordView& record, Rows& rows) {
  FoldOutbox* outbox = std::exchange(outbox_, nullptr);
  apply(record, rows, true);
  outbox_ = outbox;
}

void EventFold::fold_event(const Event& event, Lsn lsn, Rows& rows) {
  if (event.source == own_source) return;
  if (event.cart.empty() && event.user.empty() && event.session.empty()) return;
  engine_.observe(event, observation_);
  engine_.fold(event, observation_, fold_elsewhere(event, lsn), lsn, rows);
}

// Queues the folds of entities that are at home on other partitions. The kinds that are at home here.
KindMask EventFold::fold_elsewhere(const Event& event, Lsn lsn) {
  KindMask here = 0;
  for (EntityKind kind : all_kinds) {
    std::string_view key = key_of(event, kind);
    if (key.empty()) continue;
    uint32_t home = home_of(key, partitions_);
    if (home == partition_) {
      here |= features::mask_of(kind);
    } else if (outbox_) {
      scratch_.clear();
      features::FoldPayload head{.kind = kind, .key = key, .source_partition = partition_, .source_lsn = lsn};
      features::encode_fold(engine_.plan(), head, observation_, scratch_);
      outbox_->add(home, lsn, rank_of(lsn, kind), scratch_);
    }
  }
  return here;
}

size_t EventFold::rows_of(const Event& event, std::span<uint64_t, features::entity_kinds> hashes) const {
  size_t count = 0;
  for (EntityKind kind : all_kinds) {
    std::string_view key = key_of(event, kind);
    if (!key.empty() && home_of(key, partitions_) == partition_)
      hashes[count++] = engine_.row_hash(kind, key);
  }
  return count;
}

void EventFold::look_ahead(std::span<const std::string_view> payloads, const Rows& rows) const {
  std::array<uint64_t, look_ahead_max> hashes;
  for (size_t i = 0; i < payloads.size(); ++i) {
    auto [kind, key] = features::peek_fold(payloads[i]);
    hashes[i] = engine_.row_hash(kind, key);
    rows.expect_slot(hashes[i]);
  }
  for (size_t i = 0; i < payloads.size(); ++i) rows.expect_row(hashes[i]);
  for (size_t i = 0; i < payloads.size(); ++i) rows.expect_bytes(hashes[i]);
}

void EventFold::fold_received(std::string_view payload, Lsn lsn, Rows& rows) {
  Taker taker(payload);
  uint64_t source = taker.varint();
  FoldRank rank = 0;
  std::array<std::string_view, look_ahead_max> group;
  while (!taker.rest().empty()) {
    size_t count = 0;
    while (count < group.size() && !taker.rest().empty()) group[count++] = taker.text();
    look_ahead({group.data(), count}, rows);
    for (size_t i = 0; i < count; ++i) {
      auto fold = engine_.fold_encoded(group[i], lsn, rows);
      CHECK(!taker.failed() && fold.ok());  // the batch's hash was right, so we wrote this
      rank = rank_of(fold->source_lsn, fold->kind);
    }
  }
  if (Row* row = rows.fold(source_table, std::to_string(source), lsn))
    row->bytes.assign(reinterpret_cast<const char*>(&rank), sizeof rank);
}

void EventFold::encode_unseen(const FoldBatch& batch, FoldRank seen, std::string& out) {
  put_varint(batch.source, out);
  std::string_view rest = batch.payloads;
  // Only after a crash was some of it taken before.
  while (batch.first <= seen && !rest.empty()) {
    Taker taker(rest);
    auto fold = features::decode_fold(engine_.plan(), taker.text(), observation_);
    CHECK(!taker.failed() && fold.ok());
    if (rank_of(fold->source_lsn, fold->kind) > seen) break;
    rest = taker.rest();
  }
  out.append(rest);
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
