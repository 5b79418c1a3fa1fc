// What happens to an event on its home partition: deduplicated, logged, folded, acknowledged.
#include "src/events/shard.h"

#include "src/base/limits.h"
#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/log.h"
#include "src/events/shards.h"
#include "src/runtime/ask.h"
#include "src/runtime/timer.h"
#include "storage/compaction.h"
#include "storage/log_reader.h"

namespace headrace {
namespace {

constexpr uint8_t event_version = 1;

constexpr int fail_stop_status = 70;  // EX_SOFTWARE

[[noreturn]] void stop_process(const Problem& problem) {
  std::string reason = problem.text();
  log_line(Level::error, "partition_not_opened_again", {{"reason", std::string_view(reason)}});
  flush_log();
  std::_Exit(fail_stop_status);
}

IdHash id_hash(std::string_view id) {
  Digest digest = hash128(id);
  return {digest.high, digest.low};
}

}  // namespace

void DurationStats::observe(Micros duration) {
  size_t bucket = 0;
  while (bucket < bounds_us.size() && duration > bounds_us[bucket]) ++bucket;
  ++counts[bucket];
  ++count;
  total_us += static_cast<uint64_t>(duration);
}

DurationStats& DurationStats::operator+=(const DurationStats& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  total_us += other.total_us;
  count += other.count;
  return *this;
}

Shard::Shard(Shards& all, Loop& owner, uint32_t id, std::shared_ptr<const features::Plan> plan, Clock& clock)
    : all_(all),
      owner_(owner),
      id_(id),
      clock_(clock),
      outbox_(id, all.partitions()),
      fold_(std::move(plan), id, all.partitions(), &outbox_),
      wake_(*this),
      seal_(*this) {}

void Shard::Wake::arrive(Message& message, Delivery delivery) {
  auto& self = static_cast<Wake&>(message);
  self.sent.store(false);
  if (delivery == Delivery::run) self.shard.progress();
}

void Shard::Wake::call() {
  if (!sent.exchange(true)) shard.owner_.hand_over(*this);
}

void Shard::Seal::arrive(Message& message, Delivery delivery) {
  auto& self = static_cast<Seal&>(message);
  self.sent.store(false);
  if (delivery == Delivery::run) self.shard.partition_->seal();
}

void Shard::seal_soon() {
  if (!seal_.sent.exchange(true)) owner_.hand_over(seal_);
}

// The loop no longer runs. The threads of the partition end first; a wake of theirs may still lie in the
// loop's mail.
Shard::~Shard() {
  partition_.reset();
  owner_.drop_mail();
}

Result<std::unique_ptr<Shard>> Shard::open(Shards& all, Loop& owner, PartitionPlace place,
                                           std::shared_ptr<const features::Plan> plan,
                                           const ShardRules& rules, Clock& clock) {
  std::unique_ptr<Shard> shard(new Shard(all, owner, place.partition, std::move(plan), clock));
  shard->place_ = place;
  shard->rules_ = rules;
  TRY_DONE(shard->open_partition());
  shard->recovered_lsn_ = shard->partition_->applied_lsn();
  TRY_DONE(shard->open_ids(place, rules.dedup));
  if (auto oldest = shard->outbox_.oldest()) shard->partition_->hold(*oldest);
  return shard;
}

PartitionOptions Shard::partition_options() {
  PartitionOptions options;
  options.place = place_;
  options.key = &all_.directory().signing_key();
  options.clock = &clock_;
  options.row_bytes_max = rules_.row_bytes_max;
  options.segment_bytes = rules_.segment_bytes;
  options.free_bytes_min = rules_.free_bytes_min;
  options.wake = [this] { wake_.call(); };
  options.observe_sync = [this](Micros took) {
    stats_.sync.observe(took);
    pace_.observe(took);
  };
  options.observe_checkpoint = [this](Micros took) { stats_.checkpoint.observe(took); };
  options.observe_stall = [this](Micros took) { stats_.stall.observe(took); };
  return options;
}

Result<> Shard::open_partition() {
  auto partition = Partition::open(partition_options(), fold_);
  if (!partition.ok()) return partition.problem();
  partition_ = std::move(*partition);
  durable_lsn_.store(partition_->durable_lsn(), std::memory_order_release);
  return Done{};
}

Task<Result<>> Shard::compact() {
  Micros until = clock_.monotonic() + limits::compact_wait_us;
  refusing_ = true;
  while (!drained() && clock_.monotonic() < until) {
    partition_->hurry();
    pump();
    co_await sleep(1000);
  }
  Result<> done = drained() ? close_compacted() : Error::overloaded;
  refusing_ = false;
  co_return done;
}

// Nothing else runs on this loop until it is open again. Where that fails, this process has nothing to serve
// with: the next start recovers.
Result<> Shard::close_compacted() {
  Lsn last = partition_->applied_lsn();
  auto base = partition_->make_base();
  if (!base) return base.problem();
  if (*base == 0) return Done{};  // there is nothing
  TRY_DONE(partition_->close());
  partition_.reset();
  Result<> opened = forget_state(system_disk(), place_);
  if (opened) opened = open_partition();
  if (!opened) stop_process(opened.problem());
  CHECK(partition_->applied_lsn() == last);
  return Done{};
}

Result<> Shard::open_ids(const PartitionPlace& place, const DedupRules& rules) {
  IdIndex::Options options;
  options.dir = place.path + "/ids";
  options.filter_bytes_max = rules.filter_bytes_max;
  options.window_us = rules.window_us;
  options.log_identity =
      hash64({reinterpret_cast<const char*>(place.uuid.data()), place.uuid.size()}, place.partition);
  auto index = IdIndex::open(std::move(options), partition_->applied_lsn());
  if (!index.ok()) return index.problem();
  ids_ = std::move(*index);
  TRY_DONE(index_ids());
  ids_->forget_older(clock_.wall());
  return Done{};
}

// The ids that no run file of the index covers are in the end of the log. It holds what was new when it came:
// of an id that stands in it twice the first had left the window.
Result<> Shard::index_ids() {
  auto reader = LogReader::open(all_.directory().place(id_), ids_->covered() + 1, partition_->applied_lsn());
  if (!reader.ok()) return reader.problem();
  RecordView record;
  while (true) {
    Result<bool> more = reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more) return Done{};
    if (record.kind != Kind::event) continue;
    auto event = decode_event(record.payload);
    if (!event.ok()) return event.problem();
    ids_->add(id_hash(event->id), record.lsn, record.time);
  }
}

void Shard::start() {
  partition_->hurry();
  hook_ = owner_.at_end_of_iteration(Stage::work, [this] { work(); });
  alarm_ = Alarm(owner_, [] {});  // being awake is enough: work() looks what is due
  durable_.advance(partition_->durable_lsn());
  progress();
}

Task<void> Shard::settle() {
  while (!drained()) {
    partition_->hurry();
    pump();
    co_await sleep(1000);
  }
}

Result<> Shard::close() {
  alarm_ = {};
  hook_ = {};
  Result<> flushed = ids_->flush();
  Result<> closed = partition_->close();
  return flushed.ok() ? closed : flushed;
}

void Shard::prepare(Arrival& arrival) {
  arrival.id = id_hash(arrival.event.id);
  fold_.prepare(arrival.event, arrival.fold);
}

Turn Shard::turn(const Event& event, std::string_view payload) {
  Turn turn(*this);
  turn.arrival.event = event;
  turn.arrival.payload = payload;
  prepare(turn.arrival);
  return turn;
}

Turn Shard::turn(EntityKind kind, std::string_view key) {
  Turn turn(*this);
  turn.arrival.fold.add(Foldable::Here{kind, fold_.engine().name_of(kind, key)});
  return turn;
}

Result<Appended> Shard::ingest(Arrival& one, Micros now) {
  Result<Appended> done = ingest_known(one, now);
  if (done.ok() && !done->duplicate) partition_->hurry();
  return done;
}

Result<Appended> Shard::ingest_known(Arrival& one, Micros now) {
  if (auto first = ids_->find(one.id)) {
    ++stats_.duplicates;
    return Appended{id_, *first, true};
  }
  // A disk or another partition is late; a wait here would stop the loop.
  if (refusing_ || ids_->full() || outbox_.full()) return Error::overloaded;
  if (one.payload.empty()) {
    scratch_.clear();
    encode(one.event, scratch_);
    one.payload = scratch_;
  }
  Result<Lsn> lsn = partition_->append_at(now, Kind::event, event_version, {}, one.payload, false);
  if (!lsn.ok()) return lsn.problem();
  ids_->add(one.id, *lsn, now);
  fold_.fold(one.fold, *lsn, partition_->rows());
  ++stats_.events;
  return Appended{id_, *lsn, false};
}

void Shard::look_ahead(std::span<Arrival* const> group) const {
  for (Arrival* one : group) ids_->expect(one->id);
  for (size_t step = 0; step < EventFold::look_ahead_steps; ++step)
    for (Arrival* one : group) fold_.look_ahead(one->fold, step, partition_->rows());
}

void Turn::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  (shard_.last_turn_ ? shard_.last_turn_->next_ : shard_.first_turn_) = this;
  shard_.last_turn_ = this;
  shard_.owner_.settle_again();
}

void Shard::take_turns() {
  while (first_turn_ != nullptr) {
    std::array<Arrival*, look_ahead_max> group;
    size_t count = 0;
    for (Turn* one = first_turn_; one != nullptr && count < group.size(); one = one->next_)
      group[count++] = &one->arrival;
    look_ahead({group.data(), count});
    for (; count > 0; --count) {
      Turn* one = first_turn_;
      first_turn_ = one->next_;
      if (first_turn_ == nullptr) last_turn_ = nullptr;
      one->waiter_.resume();  // ends `one`; may queue others behind
    }
  }
}

Result<Lsn> Shard::record(const Event& event, Micros now) {
  if (refusing_) return Error::overloaded;
  scratch_.clear();
  encode(event, scratch_);
  Result<Lsn> lsn = partition_->append_at(now, Kind::event, event_version, {}, scratch_, charge_of(event).has_value());
  stats_.unrecorded += !lsn.ok() && lsn.problem().error == Error::storage_full;
  return lsn;
}

Result<Lsn> Shard::receive(const FoldBatch& batch) {
  if (refusing_) return Error::overloaded;
  FoldRank seen = EventFold::last_rank(batch.source, partition_->rows());
  (batch.last > seen ? stats_.folds_received : stats_.folds_repeated) += batch.count;
  if (batch.last <= seen) return partition_->applied_lsn();
  scratch_.clear();
  fold_.encode_unseen(batch, seen, scratch_);
  return partition_->append(Kind::fold, event_version, {}, scratch_);
}

void ComingRows::end(Result<> result) {
  std::lock_guard lock(mutex);
  ended = std::move(result);
  changed.notify_all();
}

void Shard::offer(ComingRows& rows) {
  coming_.store(&rows);
  wake_.call();
}

bool Shard::take_back(ComingRows& rows) {
  ComingRows* mine = &rows;
  return coming_.compare_exchange_strong(mine, nullptr);
}

// Between turns: none of them has read of an event what only the old definitions ask for.
void Shard::take_rows() {
  ComingRows* coming = coming_.exchange(nullptr);
  if (coming == nullptr) return;
  Result<> done = Done{};
  if (coming->state.scratch)
    done = switch_rows(*coming);
  else if (coming->plan->definition_digest() != plan().definition_digest())
    fold_.carry(*coming->plan);
  coming->end(std::move(done));
}

Result<> Shard::switch_rows(ComingRows& coming) {
  hold_unfinished();
  Result<> done = partition_->switch_state(coming.state, *coming.fold);
  if (done.ok()) fold_.serve(coming.plan);
  progress();
  return done;
}

void Shard::work() {
  take_turns();
  if (coming_.load(std::memory_order_relaxed) != nullptr) take_rows();
  if (!owner_.about_to_sleep()) return;
  size_t waiting = partition_->waiting();
  if (waiting > 0 && !pace_.go(waiting, system_clock().monotonic()))
    return alarm_.at_latest(pace_.deadline());
  pump();
  if (auto due = partition_->next_due()) alarm_.at_latest(*due);
}

void Shard::pump() {
  ids_->forget_older(clock_.wall());
  hold_unfinished();  // first: the checkpoint may take in what was just made durable
  partition_->pump();
  progress();
}

// Whenever records may have become durable: acknowledges, and sends on what may go.
void Shard::progress() {
  partition_->synced();
  durable_lsn_.store(partition_->durable_lsn(), std::memory_order_release);
  durable_.advance(partition_->durable_lsn());
  for (uint32_t target = 0; target < outbox_.targets(); ++target) send_folds(target);
  hold_unfinished();
  auto unapplied = outbox_.oldest_unapplied();
  acked_.advance(unapplied ? std::max(acked_.value(), std::min(durable_.value(), *unapplied - 1))
                           : durable_.value());
}

// Folds that are not durable at their targets stay within reach of replay.
void Shard::hold_unfinished() {
  if (auto oldest = outbox_.oldest())
    partition_->hold(*oldest);
  else
    partition_->release();
}

void Shard::send_folds(uint32_t target) {
  auto batch = outbox_.take(target, durable_.value());
  if (!batch) return;
  stats_.folds_sent += batch->count;
  spawn(deliver(target, std::move(batch)));
}

// Tries until the folds have arrived: a full ring or a refusing disk is waited out, since the event itself is
// logged.
Task<void> Shard::deliver(uint32_t target, std::shared_ptr<const FoldBatch> batch) {
  Shard* there = &all_[target];
  auto take = [](Shard* shard, std::shared_ptr<const FoldBatch> folds) { return shard->receive(*folds); };
  Result<Lsn> received = co_await ask(there->loop(), take, there, batch);
  while (!received.ok()) {
    std::string reason = received.problem().text();
    log_line(Level::warning, "folds_delayed",
             {{"target", uint64_t{target}}, {"reason", std::string_view(reason)}});
    co_await sleep(10'000);
    received = co_await ask(there->loop(), take, there, batch);
  }
  outbox_.applied(target);
  spawn(await_durable_at(target, *received));
  progress();
}

Task<void> Shard::await_durable_at(uint32_t target, Lsn lsn) {
  Shard* there = &all_[target];
  auto wait = [](Shard* shard, Lsn its) -> Task<void> { co_await shard->durable().at_least(its); };
  while (!(co_await ask(there->loop(), wait, there, lsn)).ok()) co_await sleep(10'000);
  outbox_.durable(target);
}

std::optional<FeatureVector> Shard::features(EntityKind kind, std::string_view key,
                                             std::optional<Micros> as_of) {
  return fold_.engine().read(kind, key, as_of, partition_->rows());
}

Lsn Shard::version_of(EntityKind kind, std::string_view key) {
  Row* row = EventFold::row_of(kind, key, partition_->rows());
  return row ? row->lsn : 0;
}

ShardStats Shard::stats() {
  ShardStats out = stats_;
  Rows& rows = partition_->rows();
  out.partition = partition_->counters();
  out.applied_lsn = partition_->applied_lsn(), out.durable_lsn = partition_->durable_lsn();
  out.writable = partition_->writable();
  out.rows = rows.count(), out.rows_dirty = rows.dirty(), out.row_bytes = rows.bytes();
  out.row_loads = rows.loads(), out.row_evictions = rows.evictions();
  auto ids = ids_->stats();
  out.ids = ids.entries, out.id_index_bytes = ids.memory_bytes;
  out.id_window_lsn = ids.first_lsn, out.id_window_shrinks = ids.window_shrinks;
  return out;
}

}  // namespace headrace
