// One thread takes turns with the disk; folds travel at points that the calls alone decide.
#include "src/events/lockstep.h"

namespace headrace {
namespace {

constexpr uint8_t fold_record_version = 1;  // as Shard's

}  // namespace

Result<std::unique_ptr<Lockstep>> Lockstep::open(const DataDirectory& directory,
                                                 std::shared_ptr<const features::Plan> plan,
                                                 const LockstepOptions& options) {
  std::unique_ptr<Lockstep> self(new Lockstep);
  for (uint32_t p = 0; p < directory.partitions(); ++p) {
    auto& member = self->members_.emplace_back(std::make_unique<Member>(plan, p, directory.partitions()));
    PartitionOptions its;
    its.place = directory.place(p);
    its.clock = &self->clock_;
    its.segment_bytes = options.segment_bytes;
    its.free_bytes_min = options.free_bytes_min;
    its.row_bytes_max = limits::lockstep_row_bytes_max / directory.partitions();
    auto partition = Partition::open(std::move(its), member->fold);
    if (!partition.ok()) return partition.problem();
    member->partition = std::move(*partition);
  }
  TRY_DONE(self->exchange());
  return self;
}

// Writes, and waits before it where memory is short. That moves no record: LSNs depend on the calls alone.
template <class Write>
Result<> Lockstep::write(Member& member, size_t bytes, Write write) {
  if (member.partition->refusal() == Refusal::overloaded) TRY_DONE(make_room(member));
  Result<Lsn> lsn = write(*member.partition);
  if (!lsn.ok()) return lsn.problem();
  bytes_ += bytes;
  return bytes_ < limits::lockstep_bytes ? Done{} : exchange();
}

Result<> Lockstep::event(Micros time, uint8_t version, const Event& event, std::string_view payload) {
  Member& home = *members_[home_of(event.routing_key(), count())];
  home.fold.prepare(event, foldable_);
  return write(home, payload.size(), [&](Partition& partition) {
    Result<Lsn> lsn = partition.append_at(time, Kind::event, version, {}, payload, false);
    if (lsn.ok()) home.fold.fold(foldable_, *lsn, partition.rows());
    return lsn;
  });
}

Result<> Lockstep::change(Micros time, const Change& change) {
  clock_.given = time;
  size_t bytes = 0;
  for (auto& effect : change.effects) bytes += effect.key.size() + effect.bytes.size();
  return write(*members_[0], bytes, [&](Partition& partition) { return partition.commit(change); });
}

Result<> Lockstep::exchange() {
  bytes_ = 0;
  TRY_DONE(make_durable());
  for (auto& source : members_)
    for (uint32_t target = 0; target < count(); ++target) TRY_DONE(send(*source, target));
  TRY_DONE(make_durable());
  for (auto& member : members_) {
    CHECK(member->outbox.empty());
    member->partition->release();
    member->partition->pump();
  }
  return Done{};
}

Result<> Lockstep::send(Member& source, uint32_t target) {
  while (auto batch = source.outbox.take(target, source.partition->durable_lsn())) {
    TRY_DONE(receive(*members_[target], *batch));
    source.outbox.applied(target);
    TRY_DONE(members_[target]->partition->make_durable());
    source.outbox.durable(target);
  }
  return Done{};
}

// As Shard::receive(): each fold once, though a crash came between.
Result<> Lockstep::receive(Member& member, const FoldBatch& batch) {
  FoldRank seen = EventFold::last_rank(batch.source, member.partition->rows());
  if (batch.last <= seen) return Done{};
  payload_.clear();
  member.fold.encode_unseen(batch, seen, payload_);
  if (member.partition->refusal() == Refusal::overloaded) TRY_DONE(make_room(member));
  Result<Lsn> lsn = member.partition->append_at(clock_.given, Kind::fold, fold_record_version, {}, payload_);
  if (!lsn.ok()) return lsn.problem();
  folds_ += batch.count;
  return Done{};
}

Result<> Lockstep::make_durable() {
  for (auto& member : members_) {
    member->partition->hurry();
    if (auto oldest = member->outbox.oldest()) member->partition->hold(*oldest);
    member->partition->pump();
  }
  for (auto& member : members_) TRY_DONE(member->partition->make_durable());
  return Done{};
}

// Until checkpoints have written enough behind.
Result<> Lockstep::make_room(Member& member) {
  if (auto oldest = member.outbox.oldest()) member.partition->hold(*oldest);
  while (member.partition->refusal() == Refusal::overloaded) {
    TRY_DONE(member.partition->make_durable());
    member.partition->pump();
  }
  return Done{};
}

Result<> Lockstep::close() {
  TRY_DONE(exchange());
  for (auto& member : members_) TRY_DONE(member->partition->close());
  return Done{};
}

}  // namespace headrace
