// EventFold: the projection of one partition's log into feature rows. Live traffic, recovery and `replay`
// share it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/event.h"
#include "src/events/charge.h"
#include "src/events/fold_outbox.h"
#include "src/features/engine.h"
#include "src/features/fold_trim.h"
#include "storage/partition.h"

namespace headrace {

// The home partition of `key`: XXH3-64 modulo the number of partitions. Fixed for the life of a data
// directory.
uint32_t home_of(std::string_view key, uint32_t partitions);

// What folding an event needs of it: the entities it names, each key hashed once, at home here and elsewhere,
// and what the definitions see of it. Borrows from the event.
struct Foldable {
  struct Here {
    EntityKind kind;
    RowName row;
  };
  struct Away {
    EntityKind kind;
    uint32_t home;
    std::string_view key;
  };
  std::array<Here, features::entity_kinds> all_here;
  std::array<Away, features::entity_kinds> all_away;
  size_t here_count = 0, away_count = 0;
  std::optional<Charge> charge;  // and then nothing else
  Observation seen;

  void clear() {
    here_count = away_count = 0;
    charge.reset();
  }
  void add(const Here& one) { all_here[here_count++] = one; }
  void add(const Away& one) { all_away[away_count++] = one; }
  std::span<Here> here() { return {all_here.data(), here_count}; }
  std::span<const Here> here() const { return {all_here.data(), here_count}; }
  std::span<const Away> away() const { return {all_away.data(), away_count}; }
};

// Sees each row that an event changes, before it does and after it did: how training sets read the past.
class FoldWatcher {
 public:
  virtual ~FoldWatcher() = default;
  virtual void before(EntityKind kind, const RowName& row, const Observation& seen) = 0;
  virtual void after(EntityKind kind, const RowName& row, const Observation& seen) = 0;
};

// Lives on: the partition's loop.
class EventFold final : public Fold {
 public:
  // Folds for other partitions go to `outbox`, or nowhere if it is nullptr.
  EventFold(std::shared_ptr<const features::Plan> plan, uint32_t partition, uint32_t partitions,
            FoldOutbox* outbox);

  void apply(const RecordView& record, Rows& rows, bool replaying) override;
  // The same for records whose folds were all acknowledged long ago.
  void refold(const RecordView& record, Rows& rows) override;
  void apply_all(std::span<const RecordView> records, Rows& rows) override;
  void refold_all(std::span<const RecordView> records, Rows& rows) override;
  uint64_t definition_digest() const override { return engine_.plan().definition_digest(); }
  std::string definitions() const override { return features::to_text(engine_.plan().definitions()); }
  bool resume(std::string_view definitions, uint64_t digest) override;

  // What is sent elsewhere holds from now on what `coming` needs of events, too.
  void carry(const features::Plan& coming);
  // From now on by another plan; the rows are its already. No Foldable of before may be folded any more.
  void serve(std::shared_ptr<const features::Plan> plan);
  std::shared_ptr<const features::Plan> plan() const { return plan_; }

  void prepare(const Event& event, Foldable& foldable);
  // Asks for the memory that fold() will touch, in steps 0 to look_ahead_steps - 1; each needs what the one before it asked for, so
  // that others are better worked on between them.
  static constexpr size_t look_ahead_steps = FeatureEngine::look_ahead_steps;
  static constexpr size_t under_way = 20;  // events, where many follow each other: a part of the first cache
  void look_ahead(Foldable& foldable, size_t step, const Rows& rows) const;
  // Folds a live event into the entities at home here, and queues the rest.
  void fold(const Foldable& foldable, Lsn lsn, Rows& rows);

  // Appends the payload of a fold record that carries what of `batch` was not taken before: all of it, or its
  // end.
  //   payload := version:u8(2) source:varint folds                  src/features/fold_payload.h
  void encode_unseen(const FoldBatch& batch, FoldRank seen, std::string& out);
  // The rank of the last fold taken from `source`; 0 before the first.
  static FoldRank last_rank(uint32_t source, Rows& rows);

  // A fold record without the folds that `leave_out` says. Nothing where it is none.
  static std::optional<features::Trimmed> trim(std::string_view payload, const features::LeaveOutFold& leave_out,
                                               std::string& out);
  uint64_t rows_erased() const { return rows_erased_; }  // by orders, since the start

  FeatureEngine& engine() { return engine_; }
  void watch(FoldWatcher* watcher) { watcher_ = watcher; }
  // The row of an entity, or nullptr.
  static Row* row_of(EntityKind kind, std::string_view key, Rows& rows);

 private:
  static void fold_charge(const Charge& charge, Lsn lsn, Rows& rows);
  void fold_one(EntityKind kind, const RowName& row, const Observation& seen, Lsn lsn, Rows& rows) const;
  void fold_elsewhere(const Foldable::Away& away, const Observation& seen, Lsn lsn);
  void fold_received(std::string_view payload, Lsn lsn, Rows& rows);
  void erase(std::string_view payload, Lsn lsn, Rows& rows);

  std::shared_ptr<const features::Plan> plan_;
  FeatureEngine engine_;
  std::vector<features::FoldWriter> writers_;  // by target
  struct Received {
    features::Fold fold;
    RowName row;
  };
  struct Replayed {
    RecordView record;
    Foldable fold;
  };
  std::array<Received, under_way> received_;  // under way in fold_received()
  std::array<Replayed, under_way> replayed_;  // under way in apply_all()
  const uint32_t partition_, partitions_;
  FoldOutbox* outbox_;
  FoldWatcher* watcher_ = nullptr;
  uint64_t rows_erased_ = 0;
};

}  // namespace headrace
