// Shard: one partition with everything that lives on it: its log and state, its features, its index of event
// ids.
//
// An event is logged once, on the home of its routing key. Each entity it names has a home of its own; where
// that is another partition, a fold record goes there once the event is durable, in order, exactly once by
// (source, LSN).
//
// Operation: ingest(), then wait until acked() reaches the LSN: the event is then durable and folded
// everywhere. Lives on: the loop that owns the partition. Limits: those of Partition; pending folds are
// bounded by writes waiting.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/event.h"
#include "src/events/event_fold.h"
#include "src/runtime/loop.h"
#include "src/runtime/sequence.h"
#include "src/runtime/task.h"
#include "src/runtime/timer.h"
#include "storage/id_index.h"
#include "storage/partition.h"

namespace headrace {

class Shards;

struct Appended {
  uint32_t partition = 0;
  Lsn lsn = 0;
  bool duplicate = false;
};

// Times of one kind, in fixed buckets; read by the metrics page.
struct DurationStats {
  static constexpr std::array<Micros, 12> bounds_us = {50,    100,    200,    500,    1'000,   2'000,
                                                       5'000, 10'000, 20'000, 50'000, 100'000, 1'000'000};
  std::array<uint64_t, bounds_us.size() + 1> counts{};
  uint64_t total_us = 0;
  uint64_t count = 0;

  void observe(Micros duration);
  DurationStats& operator+=(const DurationStats& other);
};

struct ShardStats {
  PartitionCounters partition;
  Lsn applied_lsn = 0, durable_lsn = 0;
  uint64_t events = 0, duplicates = 0, folds_sent = 0, folds_received = 0, folds_repeated = 0;
  uint64_t rows = 0, rows_dirty = 0, row_bytes = 0, row_loads = 0, row_evictions = 0;
  uint64_t ids = 0, id_index_bytes = 0;
  bool writable = true;
  DurationStats sync, checkpoint, stall;
};

class Shard {
 public:
  // Opens and recovers the partition. `owner` is the loop that will own it; open() itself may run on any
  // thread.
  static Result<std::unique_ptr<Shard>> open(Shards& all, Loop& owner, PartitionPlace place,
                                             std::shared_ptr<const features::Plan> plan, Clock& clock);
  ~Shard();

  // On the owner loop: begins to pump, and to send what folds recovery found unsent.
  void start();
  // On the owner loop: ends when everything taken in is durable here and folded everywhere.
  Task<void> settle();
  // On the owner loop, once every shard has settled: closed for good.
  Result<> close();

  uint32_t id() const { return id_; }
  Loop& loop() { return owner_; }

  // Logs `event` and folds it, unless its id was seen before. `payload` is encode(event), made if empty.
  Result<Appended> ingest(const Event& event, Micros now, std::string_view payload = {});
  // The same for many, behind each other in `payloads`, each after its length as a u32: the memory they will
  // touch is asked for ahead. One result per event, in order.
  void ingest_all(std::string_view payloads, Micros now, std::vector<Result<Appended>>& results);
  // Logs an event of the server's own. Nothing is folded.
  Result<Lsn> record(const Event& event, Micros now);

  // The LSN up to which every event is durable here and folded at every other home.
  Sequence& acked() { return acked_; }
  // The last LSN that recovery found.
  Lsn recovered_lsn() const { return recovered_lsn_; }
  // The LSN up to which the log is durable.
  Sequence& durable() { return durable_; }
  // co_await make_durable(): everything applied so far is durable.
  Sequence::Wait make_durable() {
    partition_->hurry();
    return durable_.at_least(partition_->applied_lsn());
  }

  // Takes fold payloads of another partition, each exactly once. The LSN at which they are durable here.
  Result<Lsn> receive(const FoldBatch& batch);

  std::optional<FeatureVector> features(EntityKind kind, std::string_view key, std::optional<Micros> as_of);
  // Changes with every event folded into the entity; 0 where none was.
  Lsn version_of(EntityKind kind, std::string_view key);

  Partition& partition() { return *partition_; }
  const features::Plan& plan() { return fold_.engine().plan(); }
  ShardStats stats();
  bool drained() const { return outbox_.empty() && partition_->durable_lsn() == partition_->applied_lsn(); }

 private:
  Shard(Shards& all, Loop& owner, uint32_t id, std::shared_ptr<const features::Plan> plan);

  Result<> index_ids();
  struct Ahead;
  void look_ahead(std::span<Ahead> group);
  Result<Appended> ingest_known(const Event& event, const IdHash& hash, Micros now, std::string_view payload);
  void work();
  void pump();
  void progress();
  void send_folds(uint32_t target);
  Task<void> deliver(uint32_t target, std::shared_ptr<const FoldBatch> batch);
  Task<void> await_durable_at(uint32_t target, Lsn lsn);

  Shards& all_;
  Loop& owner_;
  const uint32_t id_;
  // Says, from any thread, that the partition finished something. Never refused: at most one is on its way.
  struct Wake : Message {
    explicit Wake(Shard& its) : Message(&arrive), shard(its) {}
    static void arrive(Message& message, Delivery delivery);
    Shard& shard;
    std::atomic<bool> sent = false;
  };

  std::string scratch_;
  FoldOutbox outbox_;
  EventFold fold_;
  Wake wake_;
  std::unique_ptr<IdIndex> ids_;
  ShardStats stats_;
  Lsn recovered_lsn_ = 0;
  size_t gathered_ = 0, gather_rounds_ = 0;  // records seen at the last look at the sockets; looks so far
  Sequence durable_, acked_;
  std::unique_ptr<Partition> partition_;  // after what it calls back into
  Loop::Hook hook_;
  Timer timer_;
};

}  // namespace headrace
