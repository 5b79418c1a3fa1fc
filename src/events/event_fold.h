// EventFold: the projection of one partition's log into feature rows. Live traffic, recovery and `replay`
// share it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/event.h"
#include "src/events/fold_outbox.h"
#include "src/features/engine.h"
#include "storage/partition.h"

namespace headrace {

// Events that the server itself logs name this source; they are history, not behaviour, and fold into no
// feature.
inline constexpr std::string_view own_source = "headrace";

// The home partition of `key`: XXH3-64 modulo the number of partitions. Fixed for the life of a data
// directory.
uint32_t home_of(std::string_view key, uint32_t partitions);

// Lives on: the partition's loop.
class EventFold final : public Fold {
 public:
  // Folds for other partitions go to `outbox`, or nowhere if it is nullptr.
  EventFold(std::shared_ptr<const features::Plan> plan, uint32_t partition, uint32_t partitions,
            FoldOutbox* outbox);

  void apply(const RecordView& record, Rows& rows, bool replaying) override;
  // The same for records whose folds were all acknowledged long ago.
  void refold(const RecordView& record, Rows& rows) override;
  uint64_t definition_digest() const override { return engine_.plan().definition_digest(); }

  // Folds a live event into the entities at home here, and queues the rest.
  void fold_event(const Event& event, Lsn lsn, Rows& rows);

  // The hashes of the rows at home here that `event` will change; up to one per kind. Their number.
  size_t rows_of(const Event& event, std::span<uint64_t, features::entity_kinds> hashes) const;

  // Appends the payload of a fold record that carries what of `batch` was not taken before: all of it, or its
  // end.
  //   payload := source:varint ( len:varint encode_fold() )*
  void encode_unseen(const FoldBatch& batch, FoldRank seen, std::string& out);
  // The rank of the last fold taken from `source`; 0 before the first.
  static FoldRank last_rank(uint32_t source, Rows& rows);

  FeatureEngine& engine() { return engine_; }
  // The row of an entity, or nullptr.
  static Row* row_of(EntityKind kind, std::string_view key, Rows& rows);

 private:
  KindMask fold_elsewhere(const Event& event, Lsn lsn);
  void fold_received(std::string_view payload, Lsn lsn, Rows& rows);
  void look_ahead(std::span<const std::string_view> payloads, const Rows& rows) const;

  FeatureEngine engine_;
  Observation observation_;  // scratch
  std::string scratch_;
  const uint32_t partition_, partitions_;
  FoldOutbox* outbox_;
};

}  // namespace headrace
