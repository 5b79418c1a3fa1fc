// What happens to an event on its home partition: deduplicated, logged, folded, acknowledged.
#include "src/events/shard.h"

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/log.h"
#include "src/events/shards.h"
#include "src/runtime/ask.h"
#include "storage/log_reader.h"

namespace headrace {
namespace {

constexpr uint8_t event_version = 1;
constexpr size_t look_ahead_max = 32;  // events of a batch
constexpr size_t gather_rounds_max = 8;
constexpr Micros pump_period_us = limits::batch_age_close_us;

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

Shard::Shard(Shards& all, Loop& owner, uint32_t id, std::shared_ptr<const features::Plan> plan)
    : all_(all),
      owner_(owner),
      id_(id),
      outbox_(id, all.partitions()),
      fold_(std::move(plan), id, all.partitions(), &outbox_),
      wake_(*this) {}

void Shard::Wake::arrive(Message& message, Delivery delivery) {
  auto& self = static_cast<Wake&>(message);
  self.sent.store(false);
  if (delivery == Delivery::run) self.shard.progress();
}

// The loop no longer runs. The threads of the partition end first; a wake of theirs may still lie in the
// loop's mail.
Shard::~Shard() {
  partition_.reset();
  owner_.drop_mail();
}

Result<std::unique_ptr<Shard>> Shard::open(Shards& all, Loop& owner, PartitionPlace place,
                                           std::shared_ptr<const features::Plan> plan, Clock& clock) {
  std::unique_ptr<Shard> shard(new Shard(all, owner, place.partition, std::move(plan)));
  PartitionOptions options;
  options.place = place;
  options.clock = &clock;
  Shard* self = shard.get();
  options.wake = [self] {
    if (!self->wake_.sent.exchange(true)) self->owner_.hand_over(self->wake_);
  };
  options.observe_sync = [self](Micros took) { self->stats_.sync.observe(took); };
  options.observe_checkpoint = [self](Micros took) { self->stats_.checkpoint.observe(took); };
  options.observe_stall = [self](Micros took) { self->stats_.stall.observe(took); };
  auto partition = Partition::open(std::move(options), self->fold_);
  if (!partition.ok()) return partition.problem();
  shard->partition_ = std::move(*partition);
  shard->recovered_lsn_ = shard->partition_->applied_lsn();
  IdIndex::Options ids;
  ids.dir = place.path + "/ids";
  ids.log_identity =
      hash64({reinterpret_cast<const char*>(place.uuid.data()), place.uuid.size()}, place.partition);
  auto index = IdIndex::open(std::move(ids), shard->partition_->applied_lsn());
  if (!index.ok()) return index.problem();
  shard->ids_ = std::move(*index);
  TRY_DONE(shard->index_ids());
  if (auto oldest = shard->outbox_.oldest()) shard->partition_->hold(*oldest);
  return shard;
}

// The ids that no run file of the index covers are in the end of the log.
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
    IdHash hash = id_hash(event->id);
    if (!ids_->find(hash)) ids_->add(hash, record.lsn);
  }
}

void Shard::start() {
  partition_->hurry();
  hook_ = owner_.at_end_of_iteration(Stage::work, [this] { work(); });
  timer_ = Timer::every(owner_, pump_period_us, [this] { pump(); });
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
  timer_ = {};
  hook_ = {};
  Result<> flushed = ids_->flush();
  Result<> closed = partition_->close();
  return flushed.ok() ? closed : flushed;
}

Result<Appended> Shard::ingest(const Event& event, Micros now, std::string_view payload) {
  if (payload.empty()) {
    scratch_.clear();
    encode(event, scratch_);
    payload = scratch_;
  }
  return ingest_known(event, id_hash(event.id), now, payload);
}

Result<Appended> Shard::ingest_known(const Event& event, const IdHash& hash, Micros now,
                                     std::string_view payload) {
  if (auto first = ids_->find(hash)) {
    ++stats_.duplicates;
    return Appended{id_, *first, true};
  }
  // A disk or another partition is late; a wait here would stop the loop.
  if (ids_->full() || outbox_.full()) return Error::overloaded;
  Result<Lsn> lsn = partition_->append_at(now, Kind::event, event_version, {}, payload, false);
  if (!lsn.ok()) return lsn.problem();
  partition_->hurry();
  ids_->add(hash, *lsn);
  fold_.fold_event(event, *lsn, partition_->rows());
  ++stats_.events;
  return Appended{id_, *lsn, false};
}

// An event of a batch whose turn comes soon.
struct Shard::Ahead {
  Event event;
  std::string_view payload;
  IdHash id;
  std::array<uint64_t, features::entity_kinds> rows;
  size_t row_count;
};

void Shard::look_ahead(std::span<Ahead> group) {
  const Rows& rows = partition_->rows();
  for (Ahead& one : group) {
    ids_->prefetch(one.id);
    for (size_t i = 0; i < one.row_count; ++i) rows.expect_slot(one.rows[i]);
  }
  for (Ahead& one : group)
    for (size_t i = 0; i < one.row_count; ++i) rows.expect_row(one.rows[i]);
  for (Ahead& one : group)
    for (size_t i = 0; i < one.row_count; ++i) rows.expect_bytes(one.rows[i]);
}

void Shard::ingest_all(std::string_view payloads, Micros now, std::vector<Result<Appended>>& results) {
  Taker taker(payloads);
  std::array<Ahead, look_ahead_max> group;
  while (!taker.rest().empty()) {
    size_t count = 0;
    for (; count < group.size() && !taker.rest().empty(); ++count) {
      Ahead& one = group[count];
      one.payload = taker.bytes(taker.fixed<uint32_t>());
      auto event = decode_event(one.payload);
      CHECK(!taker.failed() && event.ok());
      one.event = *event;
      one.id = id_hash(one.event.id);
      one.row_count = fold_.rows_of(one.event, one.rows);
    }
    look_ahead({group.data(), count});
    for (size_t i = 0; i < count; ++i)
      results.push_back(ingest_known(group[i].event, group[i].id, now, group[i].payload));
  }
}

Result<Lsn> Shard::record(const Event& event, Micros now) {
  scratch_.clear();
  encode(event, scratch_);
  return partition_->append_at(now, Kind::event, event_version, {}, scratch_, false);
}

Result<Lsn> Shard::receive(const FoldBatch& batch) {
  FoldRank seen = EventFold::last_rank(batch.source, partition_->rows());
  (batch.last > seen ? stats_.folds_received : stats_.folds_repeated) += batch.count;
  if (batch.last <= seen) return partition_->applied_lsn();
  scratch_.clear();
  fold_.encode_unseen(batch, seen, scratch_);
  return partition_->append(Kind::fold, event_version, {}, scratch_);
}

// The batch goes when nothing more arrives: a look at the sockets costs less than a group commit of its own.
void Shard::work() {
  if (!owner_.about_to_sleep()) return;
  size_t waiting = partition_->waiting();
  if (waiting > gathered_ && ++gather_rounds_ <= gather_rounds_max) {
    gathered_ = waiting;
    owner_.poll_again();
    return;
  }
  gathered_ = 0;
  gather_rounds_ = 0;
  pump();
}

void Shard::pump() {
  partition_->pump();
  progress();
}

// Whenever records may have become durable: acknowledges, and sends on what may go.
void Shard::progress() {
  partition_->synced();
  durable_.advance(partition_->durable_lsn());
  for (uint32_t target = 0; target < outbox_.targets(); ++target) send_folds(target);
  if (auto oldest = outbox_.oldest())
    partition_->hold(*oldest);
  else
    partition_->release();
  auto unapplied = outbox_.oldest_unapplied();
  acked_.advance(unapplied ? std::max(acked_.value(), std::min(durable_.value(), *unapplied - 1))
                           : durable_.value());
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
  return out;
}

}  // namespace headrace
