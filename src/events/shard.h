// Shard: one partition with everything that lives on it: its log and state, its features, its index of event
// ids.
//
// An event is logged once, on the home of its routing key. Each entity it names has a home of its own; where
// that is another partition, a fold record goes there once the event is durable, in order, exactly once by
// (source, LSN).
//
// Operation: co_await turn(), ingest(), then wait until acked() reaches the LSN: the event is then durable and folded
// everywhere. Lives on: the loop that owns the partition. Limits: those of Partition; pending folds are
// bounded by writes waiting.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codec/event.h"
#include "src/events/commit_pace.h"
#include "src/base/stagger.h"
#include "src/events/event_fold.h"
#include "src/runtime/alarm.h"
#include "src/runtime/loop.h"
#include "src/runtime/sequence.h"
#include "src/runtime/task.h"
#include "storage/id_index.h"
#include "storage/partition.h"

namespace headrace {

class Shards;
class Shard;

// An event on its way to its home, with what it will touch there.
struct Arrival {
  Event event;
  std::string_view payload;  // encode(event); may be empty for one that comes alone
  IdHash id{};
  Foldable fold;
};

// co_await shard.turn(...): goes on at the end of this iteration of the loop. All who wait there first ask memory for
// what they will touch, so that the cache misses of many requests are under way at once.
class [[nodiscard]] Turn {
 public:
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const {}

  Arrival arrival;

 private:
  friend class Shard;
  explicit Turn(Shard& shard) : shard_(shard) {}

  Shard& shard_;
  std::coroutine_handle<> waiter_;
  Turn* next_ = nullptr;
};

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

// How long event ids are remembered, and in how much memory (docs/dedup.md).
struct DedupRules {
  Micros window_us = 0;  // 0: as long as the log
  size_t filter_bytes_max = limits::id_filter_bytes_max;
};

// What the configuration says of a shard.
struct ShardRules {
  DedupRules dedup;
  size_t row_bytes_max = limits::row_bytes_max;  // clean rows stay below it, all below twice that
  size_t segment_bytes = limits::segment_bytes;  // of the log
  uint64_t free_bytes_min = limits::free_bytes_min;
};

// Rows of other definitions on their way into a shard (backfill.h); without a state only word that they will
// come. Any thread may wait for the end.
struct ComingRows {
  ComingState state;
  std::shared_ptr<const features::Plan> plan;
  Fold* fold = nullptr;  // by that plan
  std::optional<Result<>> ended = std::nullopt;
  std::mutex mutex = {};
  std::condition_variable changed = {};

  void end(Result<> result);
};

struct ShardStats {
  PartitionCounters partition;
  Lsn applied_lsn = 0, durable_lsn = 0;
  uint64_t events = 0, duplicates = 0, folds_sent = 0, folds_received = 0, folds_repeated = 0;
  uint64_t rows = 0, rows_dirty = 0, row_bytes = 0, row_loads = 0, row_evictions = 0;
  uint64_t unrecorded = 0;  // events of the server's own that a full disk had no room for
  uint64_t ids = 0, id_index_bytes = 0, id_window_lsn = 0, id_window_shrinks = 0;
  bool writable = true;
  DurationStats sync, checkpoint, stall;
};

class Shard {
 public:
  // Opens and recovers the partition. `owner` is the loop that will own it; open() itself may run on any
  // thread.
  static Result<std::unique_ptr<Shard>> open(Shards& all, Loop& owner, PartitionPlace place,
                                             std::shared_ptr<const features::Plan> plan,
                                             const ShardRules& rules, Clock& clock);
  ~Shard();

  // On the owner loop: begins to pump, and to send what folds recovery found unsent.
  void start();
  // On the owner loop: ends when everything taken in is durable here and folded everywhere.
  Task<void> settle();
  // On the owner loop, once every shard has settled: closed for good.
  Result<> close();

  uint32_t id() const { return id_; }
  Loop& loop() { return owner_; }

  // Before ingest(): `event` must live until then.
  Turn turn(const Event& event, std::string_view payload = {});
  // Before the features of an entity are read.
  Turn turn(EntityKind kind, std::string_view key);

  // Logs an event and folds it, unless its id was seen before.
  Result<Appended> ingest(Arrival& arrival, Micros now);
  // The same for many, with the memory they will touch asked for ahead. `incoming.next(arrival)` gives the event
  // (and its payload, where there is one) until it returns false; `incoming.settle(result)` gets one result per event,
  // in order.
  template <class Incoming>
  void ingest_all(Incoming& incoming, Micros now);
  // Logs an event of the server's own. Nothing is folded but a charge.
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

  // Any thread: the shard takes them at the end of an iteration of its loop, and calls end().
  void offer(ComingRows& rows);
  // Any thread: unless it is at it already. False where it is, or has been.
  bool take_back(ComingRows& rows);

  std::optional<FeatureVector> features(EntityKind kind, std::string_view key, std::optional<Micros> as_of);
  // Changes with every event folded into the entity; 0 where none was.
  Lsn version_of(EntityKind kind, std::string_view key);

  // On the owner loop: the state without what LMDB has freed (storage/compaction.h). Writes are refused for some
  // milliseconds, then the loop stands still while the partition is closed and opened again.
  Task<Result<>> compact();

  // On the owner loop: compact() makes another one.
  Partition& partition() { return *partition_; }
  // Any thread: Partition::seal() on the owner loop, soon.
  void seal_soon();
  Lsn durable_lsn_any_thread() const { return durable_lsn_.load(std::memory_order_acquire); }  // for readers of the log
  uint64_t rows_erased() const { return fold_.rows_erased(); }
  const features::Plan& plan() { return fold_.engine().plan(); }
  std::shared_ptr<const features::Plan> shared_plan() const { return fold_.plan(); }
  ShardStats stats();
  bool drained() const { return outbox_.empty() && partition_->durable_lsn() == partition_->applied_lsn(); }

 private:
  Shard(Shards& all, Loop& owner, uint32_t id, std::shared_ptr<const features::Plan> plan, Clock& clock);

  PartitionOptions partition_options();
  Result<> open_partition();
  Result<> close_compacted();
  Result<> open_ids(const PartitionPlace& place, const DedupRules& rules);
  Result<> index_ids();
  friend class Turn;
  void prepare(Arrival& arrival);
  void look_ahead(std::span<Arrival* const> group) const;
  void take_turns();
  void take_rows();
  Result<> switch_rows(ComingRows& coming);
  Result<Appended> ingest_known(Arrival& one, Micros now);
  void work();
  void pump();
  void progress();
  void hold_unfinished();
  void send_folds(uint32_t target);
  Task<void> deliver(uint32_t target, std::shared_ptr<const FoldBatch> batch);
  Task<void> await_durable_at(uint32_t target, Lsn lsn);

  Shards& all_;
  Loop& owner_;
  const uint32_t id_;
  Clock& clock_;
  // Says, from any thread, that the partition finished something. Never refused: at most one is on its way.
  struct Wake : Message {
    explicit Wake(Shard& its) : Message(&arrive), shard(its) {}
    static void arrive(Message& message, Delivery delivery);
    void call();  // any thread
    Shard& shard;
    std::atomic<bool> sent = false;
  };

  // Asks the partition to seal. At most one is on its way.
  struct Seal : Message {
    explicit Seal(Shard& its) : Message(&arrive), shard(its) {}
    static void arrive(Message& message, Delivery delivery);
    Shard& shard;
    std::atomic<bool> sent = false;
  };

  static constexpr size_t look_ahead_max = 32;    // events or requests
  std::array<Arrival, EventFold::under_way> arrivals_;  // under way in ingest_all()
  std::string scratch_;
  Turn* first_turn_ = nullptr;
  Turn* last_turn_ = nullptr;
  std::atomic<ComingRows*> coming_ = nullptr;
  FoldOutbox outbox_;
  EventFold fold_;
  Wake wake_;
  Seal seal_;
  std::unique_ptr<IdIndex> ids_;
  ShardStats stats_;
  PartitionPlace place_;
  ShardRules rules_;
  bool refusing_ = false;  // writes, while compact() waits for those on their way
  Lsn recovered_lsn_ = 0;
  std::atomic<Lsn> durable_lsn_ = 0;
  CommitPace pace_;
  Sequence durable_, acked_;
  std::unique_ptr<Partition> partition_;  // after what it calls back into
  Loop::Hook hook_;
  Alarm alarm_;
};

template <class Incoming>
void Shard::ingest_all(Incoming& incoming, Micros now) {
  auto next = [&](Arrival& one) {
    if (!incoming.next(one)) return false;
    prepare(one);
    ids_->expect(one.id);
    return true;
  };
  auto expect = [&](Arrival& one, size_t step) { fold_.look_ahead(one.fold, step, partition_->rows()); };
  auto finish = [&](Arrival& one) { incoming.settle(ingest_known(one, now)); };
  stagger<EventFold::look_ahead_steps>(arrivals_, next, expect, finish);
  partition_->hurry();
}

}  // namespace headrace
