// Rounds over the log, each shorter than the one before, until the rest is small enough for the loop.
#include "src/events/backfill.h"

#include <algorithm>
#include <chrono>

#include "src/base/log.h"
#include "storage/kill_point.h"
#include "storage/log_reader.h"
#include "storage/recovery.h"
#include "storage/scratch_state.h"

namespace headrace {
namespace {

constexpr uint64_t records_per_slice = 512, records_per_sync = 256 * 1024;
constexpr Micros look_every_us = 200'000;

}  // namespace

std::string_view name_of(BackfillProgress::Phase phase) {
  constexpr std::string_view names[] = {"served", "waiting", "folding", "failed"};
  return names[static_cast<size_t>(phase)];
}

Backfill::Backfill(Shards& shards, std::shared_ptr<const features::Plan> wanted, Clock& clock)
    : shards_(shards), clock_(clock), parts_(shards.count()) {
  for (uint32_t p = 0; p < shards.count(); ++p) parts_[p].digest = shards[p].plan().definition_digest();
  want(std::move(wanted));
}

Backfill::~Backfill() { stop(); }

void Backfill::start(std::function<bool(Micros)> settle_log) {
  std::lock_guard lock(mutex_);
  settle_log_ = std::move(settle_log);
  thread_ = std::thread([this] { run(); });
}

void Backfill::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Backfill::want(std::shared_ptr<const features::Plan> plan) {
  std::lock_guard lock(mutex_);
  if (wanted_ && wanted_->definition_digest() == plan->definition_digest()) return;
  wanted_ = std::move(plan);
  ++version_;
  for (Part& part : parts_) part.progress.phase = phase_of(part);
  changed_.notify_all();
}

bool Backfill::hold() {
  std::lock_guard lock(mutex_);
  for (const Part& part : parts_)
    if (thread_.joinable() && part.digest != wanted_->definition_digest()) return false;
  held_ = true;
  return true;
}

void Backfill::release() {
  std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

BackfillProgress::Phase Backfill::phase_of(const Part& part) const {
  using enum BackfillProgress::Phase;
  return part.digest == wanted_->definition_digest() ? served : waiting;
}

std::shared_ptr<const features::Plan> Backfill::wanted() const {
  std::lock_guard lock(mutex_);
  return wanted_;
}

BackfillProgress Backfill::progress(uint32_t partition) const {
  std::lock_guard lock(mutex_);
  return parts_[partition].progress;
}

std::optional<uint64_t> Backfill::definitions(uint32_t partition) const {
  std::lock_guard lock(mutex_);
  const Part& part = parts_[partition];
  if (part.progress.phase == BackfillProgress::Phase::folding) return std::nullopt;
  return part.digest;
}

bool Backfill::given_up() const {
  std::lock_guard lock(mutex_);
  return stop_ || version_ != at_version_;
}

// False where the work in hand is of no use any more.
bool Backfill::rest(Micros duration_us) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::microseconds(duration_us),
                            [this] { return stop_ || version_ != at_version_; });
}

void Backfill::note(uint32_t partition, Lsn done, Lsn total) {
  std::lock_guard lock(mutex_);
  BackfillProgress& progress = parts_[partition].progress;
  if (progress.from_lsn == 0) progress.from_lsn = done;
  progress.done = done, progress.total = std::max(progress.total, total);
  progress.folded_us = clock_.wall();
}

void Backfill::note(uint32_t partition, BackfillProgress::Phase phase, std::string trouble) {
  std::lock_guard lock(mutex_);
  parts_[partition].progress.phase = phase;
  parts_[partition].progress.trouble = std::move(trouble);
}

// Waits for a partition that lacks something; -1: stop.
int Backfill::next_part(Plan& plan) {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    plan = wanted_, at_version_ = version_;
    for (size_t p = 0; p < parts_.size() && !held_; ++p)
      if (parts_[p].digest != plan->definition_digest()) return static_cast<int>(p);
    changed_.wait(lock);
  }
  return -1;
}

void Backfill::run() {
  share_ = std::make_unique<ThreadShare>();
  Plan plan;
  for (int next; (next = next_part(plan)) >= 0;) {
    auto partition = static_cast<uint32_t>(next);
    Result<> done = carry(plan);
    if (done.ok()) done = fill(partition, plan);
    if (done.ok() || given_up()) continue;
    std::string why = done.problem().text();
    log_line(Level::warning, "backfill_failed",
             {{"partition", uint64_t{partition}}, {"reason", std::string_view(why)}});
    note(partition, BackfillProgress::Phase::failed, why);
    rest(limits::backfill_retry_us);
  }
}

// Shards go on by their definitions, but what they send to each other holds what the coming ones need.
Result<> Backfill::carry(const Plan& plan) {
  for (uint32_t p = 0; p < shards_.count(); ++p) {
    ComingRows coming;
    coming.plan = plan;
    TRY_DONE(hand_in(p, coming));
  }
  return Done{};
}

void Backfill::begin(uint32_t partition, Lsn total) {
  std::lock_guard lock(mutex_);
  if (version_ != at_version_) return;
  Micros now = clock_.wall();
  parts_[partition].progress = {.phase = BackfillProgress::Phase::folding,
                                .total = total,
                                .began_us = now,
                                .folded_us = now,
                                .trouble = {}};
}

Result<> Backfill::fill(uint32_t partition, const Plan& plan) {
  Partition& live = shards_[partition].partition();
  PartitionPlace place = shards_.directory().place(partition);
  begin(partition, live.durable_lsn_any_thread());
  while (!settle_log_(look_every_us))
    if (given_up()) return Done{};
  EventFold fold(plan, partition, shards_.partitions(), nullptr);
  ComingRows coming;
  coming.plan = plan, coming.fold = &fold;
  coming.state.generation = live.next_generation();
  auto scratch = ScratchState::open({.directory = place.state(coming.state.generation),
                                     .map_bytes = limits::state_map_bytes,
                                     .row_bytes_max = limits::backfill_row_bytes_max});
  if (!scratch.ok()) return scratch.problem();
  coming.state.scratch = std::move(*scratch);
  auto reader = LogReader::open(place, 1, live.durable_lsn_any_thread());
  if (!reader.ok()) return reader.problem();
  coming.state.reader = std::make_unique<LogReader>(std::move(*reader));
  auto switched = fold_to_the_end(partition, coming);
  if (!switched.ok()) return switched.problem();
  if (!*switched) return Done{};
  log_line(Level::info, "definitions_switched",
           {{"partition", uint64_t{partition}}, {"lsn", coming.state.folded}});
  {
    std::lock_guard lock(mutex_);
    Part& part = parts_[partition];
    part.digest = plan->definition_digest();
    part.progress.done = part.progress.total = coming.state.folded;
    part.progress.phase = phase_of(part);
  }
  coming.state.scratch.reset();  // the rows replaced: there may be many
  return remove_replaced(partition, coming.state.generation);
}

// Takes twice the share with each round: in the end it must be faster than what comes in. False: given up.
Result<bool> Backfill::fold_to_the_end(uint32_t partition, ComingRows& coming) {
  Partition& live = shards_[partition].partition();
  for (unsigned share = limits::backfill_share_percent;; share = std::min(2 * share, 100u)) {
    Lsn through = live.durable_lsn_any_thread();
    TRY_DONE(fold_through(partition, coming, through, share));
    if (given_up()) return false;
    TRY_DONE(coming.state.scratch->write_rows());
    TRY_DONE(coming.state.scratch->sync());
    if (live.durable_lsn_any_thread() > coming.state.folded + limits::backfill_tail_records_max / 2) continue;
    Result<> done = hand_in(partition, coming);
    if (done.ok()) return true;
    if (done.problem().error != Error::overloaded) return done.problem();
    if (!rest(look_every_us)) return false;
  }
}

Result<> Backfill::fold_through(uint32_t partition, ComingRows& coming, Lsn through, unsigned share) {
  if (coming.state.folded >= through) return Done{};
  coming.state.reader->extend(through);
  ScratchState& scratch = *coming.state.scratch;
  RecordView record;
  for (uint64_t count = 1;; ++count) {
    Result<bool> more = coming.state.reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more) break;
    if (record.kind != Kind::put && record.kind != Kind::erase) coming.fold->refold(record, scratch.rows());
    kill_point("in_backfill");
    if (count == 1) note(partition, record.lsn, through);
    if (count % records_per_slice != 0) continue;
    TRY_DONE(scratch.relieve());
    if (count % records_per_sync == 0) TRY_DONE(scratch.sync());
    note(partition, record.lsn, through);
    if (!rest(share_->owed_us(share))) return Done{};
  }
  coming.state.folded = through;
  return Done{};
}

// The shard takes it at the end of an iteration of its loop.
Result<> Backfill::hand_in(uint32_t partition, ComingRows& coming) {
  Shard& shard = shards_[partition];
  coming.ended.reset();
  shard.offer(coming);
  std::unique_lock lock(coming.mutex);
  while (!coming.changed.wait_for(lock, std::chrono::microseconds(look_every_us),
                                  [&] { return coming.ended.has_value(); }))
    if (given_up() && shard.take_back(coming)) return Error::shutting_down;
  return *coming.ended;
}

// No slot of CKPT names an earlier one any more.
Result<> Backfill::remove_replaced(uint32_t partition, uint32_t generation) const {
  PartitionPlace place = shards_.directory().place(partition);
  for (uint32_t old = 0; old < generation; ++old) {
    auto there = system_disk().exists(place.state(old));
    if (there.ok() && *there) TRY_DONE(remove_state(system_disk(), place.state(old)));
  }
  return Done{};
}

}  // namespace headrace
