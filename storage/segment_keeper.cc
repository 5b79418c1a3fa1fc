// Looking for sealed segments that are still as they were written, one after the other.
#include "storage/segment_keeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/base.h"

namespace headrace {
struct SegmentKeeper::Kept {
  KeptPartition partition;
  std::unique_ptr<LogScrub> scrub;
  std::unique_ptr<StateScrub> state_scrub;
  bool base_known = false;             // whether there is one: base_segment and stats say
  uint32_t base_segment = 0;           // in which the newest one goes on
  Micros no_base_before_us = 0;        // after a failure
  uint32_t next = 1;                   // segments before it need no look
  Micros not_before_us = 0;            // after a failure
  KeeperStats stats;                   // under mutex_
  std::unique_ptr<Retainer> retainer;  // where there is a policy
};

SegmentKeeper::SegmentKeeper(KeeperOptions options, std::vector<KeptPartition> partitions)
    : options_(std::move(options)) {
  for (KeptPartition& partition : partitions) {
    auto scrub = std::make_unique<LogScrub>(ScrubOptions{.place = partition.place,
                                                         .period_us = options_.scrub_period_us,
                                                         .clock = options_.clock,
                                                         .disk = options_.disk,
                                                         .found = options_.found});
    auto state_scrub = std::make_unique<StateScrub>(StateScrubOptions{.loan = partition.loan,
                                                                      .period_us = options_.scrub_period_us,
                                                                      .clock = options_.clock,
                                                                      .found = options_.found});
    partitions_.push_back(std::make_unique<Kept>(Kept{.partition = std::move(partition),
                                                      .scrub = std::move(scrub),
                                                      .state_scrub = std::move(state_scrub),
                                                      .stats = {},
                                                      .retainer = {}}));
    Kept& kept = *partitions_.back();
    if (!options_.retention.empty()) kept.retainer = std::make_unique<Retainer>(retainer_parts(kept));
  }
  thread_ = std::thread([this] { run(); });
}

RetainerParts SegmentKeeper::retainer_parts(Kept& kept) {
  const KeptPartition& partition = kept.partition;
  return {.place = partition.place,
          .key = options_.key,
          .policy = options_.retention,
          .settled_segment = partition.settled_segment,
          .definitions = partition.definitions,
          .seal = partition.seal,
          .make_base = [this, &kept] { return make_next_base(kept); },
          .leave_out = options_.leave_out,
          .clock = options_.clock,
          .disk = options_.disk,
          .frame_bytes = options_.frame_bytes,
          .may_go_on = [this] { return may_go_on(); },
          .period_us = options_.period_us};
}

SegmentKeeper::~SegmentKeeper() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

KeeperStats SegmentKeeper::stats(uint32_t partition) const {
  std::lock_guard lock(mutex_);
  KeeperStats stats = partitions_[partition]->stats;
  stats.scrub = partitions_[partition]->scrub->stats();
  stats.state_scrub = partitions_[partition]->state_scrub->stats();
  return stats;
}

// False where the work in hand is to be given up.
bool SegmentKeeper::rest(Micros duration_us) {
  std::unique_lock lock(mutex_);
  auto enough = [this] { return stop_ || (working_ && pauses_ > 0); };
  return !changed_.wait_for(lock, std::chrono::microseconds(duration_us), enough);
}

SegmentKeeper::Pause SegmentKeeper::pause() {
  std::unique_lock lock(mutex_);
  ++pauses_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !working_; });
  return Pause(*this);
}

bool SegmentKeeper::settle(Micros at_most_us) {
  std::unique_lock lock(mutex_);
  ++pauses_;
  changed_.notify_all();
  bool settled = changed_.wait_for(lock, std::chrono::microseconds(at_most_us), [this] { return !working_; });
  --pauses_;
  changed_.notify_all();
  return settled;
}

void SegmentKeeper::go_on() {
  std::lock_guard lock(mutex_);
  --pauses_;
  changed_.notify_all();
}

bool SegmentKeeper::begin_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || pauses_ == 0; });
  working_ = !stop_;
  return working_;
}

void SegmentKeeper::end_work() {
  std::lock_guard lock(mutex_);
  working_ = false;
  changed_.notify_all();
}

// Between frames: pays for the processor time since the last call with sleep.
bool SegmentKeeper::may_go_on() { return rest(share_->owed_us(share_percent_)); }

void SegmentKeeper::run() {
  share_ = std::make_unique<ThreadShare>();
  for (bool worked = false;; worked = false) {
    for (auto& kept : partitions_) {
      if (!begin_work()) return;
      worked = work_on(*kept) || worked;
      end_work();
    }
    if (!rest(worked ? 0 : options_.period_us)) return;
  }
}

// True where something was done, so that there may be more.
bool SegmentKeeper::work_on(Kept& kept) {
  keep_bases(kept);
  bool repacked = repack(kept);
  return scrub(kept) || repacked;
}

void SegmentKeeper::keep_bases(Kept& kept) {
  if (!kept.partition.loan || options_.clock->monotonic() < kept.no_base_before_us) return;
  Result<> done = kept.base_known ? Done{} : find_base(kept);
  auto due = done ? base_due(kept) : Result<bool>(done.problem());
  if (due && !*due) return;
  std::pair before(kept.stats.base_lsn, kept.base_segment);
  if (due) done = make_next_base(kept);
  if (due && done && before != std::pair(kept.stats.base_lsn, kept.base_segment)) return;
  bool has_base = due && done;  // the newest checkpoint has it already
  kept.no_base_before_us = options_.clock->monotonic() + (has_base ? options_.period_us : limits::base_retry_us);
  if (has_base) return;
  {
    std::lock_guard lock(mutex_);
    ++kept.stats.base_failures;
  }
  if (options_.complain) options_.complain(due ? done.problem() : due.problem());
}

// The newest one whose BASE can be read.
Result<> SegmentKeeper::find_base(Kept& kept) {
  auto bases = list_bases(*options_.disk, kept.partition.place);
  if (!bases) return bases.problem();
  kept.base_known = true;
  for (Lsn lsn : *bases) {
    auto base = read_base(*options_.disk, kept.partition.place, lsn);
    if (!base) continue;
    std::lock_guard lock(mutex_);
    kept.base_segment = base->position.segment;
    kept.stats.base_lsn = lsn;
    kept.stats.base_created = base->created;
    break;
  }
  return Done{};
}

Result<bool> SegmentKeeper::base_due(const Kept& kept) const {
  if (options_.base_every == 0) return false;
  auto segments = list_segments(*options_.disk, kept.partition.place);
  if (!segments) return segments.problem();
  if (segments->empty()) return false;
  uint32_t since = kept.base_segment == 0 ? segments->front() : kept.base_segment;
  return segments->back() - since >= options_.base_every;
}

Result<> SegmentKeeper::make_next_base(Kept& kept) {
  TRY_DONE(check_space(kept));
  Micros began = options_.clock->monotonic();
  share_percent_ = options_.share_percent;
  auto base = make_base({.place = kept.partition.place,
                         .clock = options_.clock,
                         .disk = options_.disk,
                         .free_bytes_min = options_.free_bytes_min,
                         .may_go_on = [this] { return may_go_on(); }},
                        *kept.partition.loan());
  if (!base) return base.problem();
  if (base->applied_lsn == kept.stats.base_lsn && base->position.segment == kept.base_segment) return Done{};
  {
    std::lock_guard lock(mutex_);
    kept.base_segment = base->position.segment;
    kept.stats.base_lsn = base->applied_lsn;
    kept.stats.base_created = base->created;
    kept.stats.base_duration_us = options_.clock->monotonic() - began;
    ++kept.stats.bases;
  }
  if (options_.observe_base) options_.observe_base(*base, kept.partition.place.partition);
  (void)may_go_on();
  return Done{};
}

bool SegmentKeeper::scrub(Kept& kept) {
  share_percent_ = std::max(1u, options_.share_percent / limits::keeper_patience);
  if (kept.scrub->step([this] { return may_go_on(); })) return true;
  bool more = kept.state_scrub->step();
  return may_go_on() && more;
}

bool SegmentKeeper::repack(Kept& kept) {
  if (options_.clock->monotonic() < kept.not_before_us) return false;
  auto done = kept.retainer ? retain(kept) : Result<bool>(false);
  if (done && !*done) done = repack_next(kept);
  if (done) return *done;
  kept.not_before_us = options_.clock->monotonic() + limits::keeper_retry_us;
  if (options_.complain) options_.complain(done.problem());
  std::lock_guard lock(mutex_);
  ++kept.stats.failures;
  return false;
}

Result<bool> SegmentKeeper::retain(Kept& kept) {
  share_percent_ = options_.share_percent;
  auto done = kept.retainer->look();
  RetentionStats now = kept.retainer->stats();
  std::lock_guard lock(mutex_);
  kept.stats.retention = now;
  return done;
}

Result<bool> SegmentKeeper::repack_next(Kept& kept) {
  uint32_t settled = kept.partition.settled_segment();
  auto segments = list_segments(*options_.disk, kept.partition.place);
  if (!segments) return segments.problem();
  auto next = std::ranges::lower_bound(*segments, kept.next);
  note_segments(kept, segments->size(), static_cast<size_t>(next - segments->begin()));
  auto behind = static_cast<size_t>(segments->end() - next);  // the last one is being written
  if (!options_.repack || behind <= 1 + options_.raw_segments || *next >= settled) return false;
  bool patient = behind <= limits::raw_indexes_max;
  share_percent_ = std::max(1u, options_.share_percent / (patient ? limits::keeper_patience : 1));
  auto needed = needs_rewriting(kept, *next);
  if (needed && *needed) {
    needed = rewrite(kept, *next);
    if (needed && !*needed) return false;  // given up
  }
  // Damage stays; `log verify` and queries name it.
  if (needed || needed.problem().error == Error::storage_damaged) kept.next = *next + 1;
  if (!needed) return needed.problem();
  return true;
}

void SegmentKeeper::note_segments(Kept& kept, size_t segments, size_t looked_at) {
  std::lock_guard lock(mutex_);
  kept.stats.sealed = segments == 0 ? 0 : segments - 1;
  kept.stats.rewritten = looked_at;
}

// Rewritten by an earlier run, or without any record.
Result<bool> SegmentKeeper::needs_rewriting(const Kept& kept, uint32_t segment) const {
  auto reader = SegmentReader::open(*options_.disk, kept.partition.place, segment);
  if (!reader) return reader.problem();
  auto ahead = SegmentReader::open(*options_.disk, kept.partition.place, segment + 1);
  if (!ahead) return ahead.problem();
  return !reader->header().rewritten && ahead->header().first_lsn > reader->header().first_lsn;
}

// The new file stands beside the old one for a while, and is not much larger.
Result<> SegmentKeeper::check_space(const Kept& kept) const {
  auto space = options_.disk->space(kept.partition.place.path);
  if (!space) return space.problem();
  uint64_t reserve = space->reserve_bytes(options_.free_bytes_min);
  if (reserve > 0 && space->free_bytes < reserve + 2 * limits::segment_bytes) return Error::storage_full;
  return Done{};
}

Result<bool> SegmentKeeper::rewrite(Kept& kept, uint32_t segment) {
  TRY_DONE(check_space(kept));
  auto report = rewrite_segment({.place = kept.partition.place,
                                 .clock = options_.clock,
                                 .disk = options_.disk,
                                 .frame_bytes = options_.frame_bytes,
                                 .may_go_on = [this] { return may_go_on(); }},
                                segment, [](RecordView&) { return true; });
  if (!report) return report.problem();
  if (report->given_up) return false;
  {
    std::lock_guard lock(mutex_);
    ++kept.stats.rewrites;
    kept.stats.bytes_before += report->bytes_before;
    kept.stats.bytes_after += report->bytes_after;
    kept.stats.records_dropped += report->records_dropped;
  }
  if (options_.observe) options_.observe(*report, kept.partition.place.partition);
  return true;
}

}  // namespace headrace
