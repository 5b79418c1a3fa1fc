// Each entity has a home; an event reaches those that live elsewhere as a fold record in their partition's
// own log.
#include "src/events/event_fold.h"

#include <cstring>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr uint8_t feature_table = 1;   // and the two behind it: one per kind of entity
constexpr uint8_t source_table = 250;  // per source partition: how far its folds have been taken

constexpr EntityKind all_kinds[] = {EntityKind::cart, EntityKind::user, EntityKind::session};
static_assert(std::size(all_kinds) == features::entity_kinds);

std::string_view key_of(const Event& event, EntityKind kind) {
  return kind == EntityKind::cart ? event.cart : kind == EntityKind::user ? event.user : event.session;
}

// By event, and within an event by kind of entity.
uint64_t rank_of_fold(const features::FoldPayload& fold) {
  return fold.source_lsn * features::entity_kinds + static_cast<uint64_t>(fold.kind);
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
      std::string payload;
      features::FoldPayload head{.kind = kind, .key = key, .source_partition = partition_, .source_lsn = lsn};
      features::encode_fold(engine_.plan(), head, observation_, payload);
      outbox_->add(home, lsn, std::move(payload));
    }
  }
  return here;
}

void EventFold::fold_received(std::string_view payload, Lsn lsn, Rows& rows) {
  Result<features::FoldPayload> fold = engine_.fold_encoded(payload, lsn, rows);
  CHECK(fold.ok());
  uint64_t rank = rank_of_fold(*fold);
  if (Row* row = rows.fold(source_table, std::to_string(fold->source_partition), lsn))
    row->bytes.assign(reinterpret_cast<const char*>(&rank), sizeof rank);
}

uint64_t EventFold::rank_of(std::string_view payload) {
  Result<features::FoldPayload> fold = features::decode_fold(engine_.plan(), payload, observation_);
  CHECK(fold.ok());
  return rank_of_fold(*fold);
}

uint64_t EventFold::last_rank(uint32_t source, Rows& rows) {
  uint64_t rank = 0;
  if (const Row* row = rows.find(source_table, std::to_string(source)))
    std::memcpy(&rank, row->bytes.data(), sizeof rank);
  return rank;
}

Row* EventFold::row_of(EntityKind kind, std::string_view key, Rows& rows) {
  return rows.find(static_cast<uint8_t>(feature_table + static_cast<uint8_t>(kind)), key);
}

}  // namespace headrace
