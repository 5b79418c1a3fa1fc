// The dedup index of one partition: the owner's half.
#include "storage/id_index.h"

#include <algorithm>
#include <bit>

#include "src/base/check.h"
#include "storage/id_keeper.h"
#include "storage/id_table.h"

namespace headrace {
namespace {

constexpr size_t table_entries_min = 16;

}  // namespace

Result<std::unique_ptr<IdIndex>> IdIndex::open(Options options, uint64_t log_end_lsn) {
  options.memory_entries = std::bit_ceil(std::max(options.memory_entries, table_entries_min));
  auto loaded = load_ids(*options.disk, options.dir, options.log_identity, log_end_lsn);
  if (!loaded.ok()) return loaded.problem();
  return std::unique_ptr<IdIndex>(new IdIndex(std::move(options), std::move(*loaded)));
}

IdIndex::IdIndex(Options options, IdLoaded loaded)
    : options_(std::move(options)),
      covered_at_open_(loaded.covered),
      last_lsn_(loaded.covered),
      window_(options_.window_us, loaded.marks),
      frozen_to_(loaded.covered) {
  // Of its whole size at once, though of untouched pages: doubling it on the way would stop the loop for milliseconds.
  active_ = std::make_shared<IdTable>(options_.memory_entries);
  keeper_ = std::make_unique<IdKeeper>(options_, std::move(loaded));
  install(*keeper_->take());
}

IdIndex::~IdIndex() = default;

// The filters first, though the tables are asked first: so their cache misses overlap, and a branch of a
// table's probing that went the wrong way does not throw them away.
std::optional<uint64_t> IdIndex::find(const IdHash& hash) {
  const IdHash id = storable(hash);
  const bool in_runs = may_be_in_runs(id);
  uint64_t lsn = active_->find(id);
  if (lsn == 0 && frozen_) lsn = frozen_->find(id);
  if (lsn >= keeper_->first_lsn()) return lsn;
  return in_runs ? find_in_runs(id) : std::nullopt;
}

bool IdIndex::may_be_in_runs(const IdHash& id) const {
  if (probes_.empty()) return false;
  const IdFilterBits bits(id);
  bool any = false;
  for (const Probe& probe : probes_) any |= bits.may_be_in(probe.lines[scale_to(id.high, probe.line_count)]);
  return any;
}

std::optional<uint64_t> IdIndex::find_in_runs(const IdHash& id) {
  const IdFilterBits bits(id);
  for (size_t i = 0; i < probes_.size(); ++i) {
    const Probe& probe = probes_[i];
    if (!bits.may_be_in(probe.lines[scale_to(id.high, probe.line_count)])) continue;
    if (auto lsn = read_run(*runs_[i], id)) return lsn;
  }
  return std::nullopt;
}

std::optional<uint64_t> IdIndex::read_run(const IdRun& run, const IdHash& id) {
  ++run_reads_;
  auto lsn = run.find(id);
  if (!lsn.ok()) {
    keeper_->report_damage(lsn.problem());
    return std::nullopt;
  }
  false_positives_ += *lsn == 0;
  if (*lsn < keeper_->first_lsn()) return std::nullopt;
  return *lsn;
}

void IdIndex::add(const IdHash& id, uint64_t lsn, Micros time) {
  if (lsn <= covered_at_open_) return;
  CHECK(lsn > last_lsn_);
  window_.note(time, lsn);
  poll();
  if (active_->full()) make_room();
  active_->insert(storable(id), lsn);
  last_lsn_ = lsn;
}

void IdIndex::expect(const IdHash& id) const {
  active_->expect(id);
  if (frozen_) frozen_->expect(id);
  for (const Probe& probe : probes_) prefetch(&probe.lines[scale_to(id.high, probe.line_count)]);
}

void IdIndex::poll() {
  if (!keeper_->news()) return;
  install(*keeper_->take());
  if (!frozen_ && active_->count() >= options_.memory_entries) freeze();
}

void IdIndex::install(const IdSnapshot& snapshot) {
  runs_.assign(snapshot.runs.rbegin(), snapshot.runs.rend());
  probes_.clear();
  for (const auto& run : runs_) probes_.push_back({run->filter().lines(), run->filter().line_count()});
  if (frozen_ && snapshot.covered >= frozen_to_) keeper_->recycle(std::move(frozen_));
}

void IdIndex::make_room() {
  if (frozen_ && !at_hard_bound()) return ++growths_, grow();
  if (frozen_) ++waits_;
  while (frozen_) {
    keeper_->wait_for_news();
    install(*keeper_->take());
  }
  freeze();
}

void IdIndex::grow() { active_ = active_->doubled(); }

void IdIndex::freeze() {
  frozen_ = std::move(active_);
  keeper_->write(frozen_, {frozen_to_ + 1, last_lsn_}, window_.marks());
  frozen_to_ = last_lsn_;
  active_ = keeper_->spare();
  if (!active_) active_ = std::make_shared<IdTable>(options_.memory_entries);
}

bool IdIndex::at_hard_bound() const {
  return active_->capacity() >= options_.memory_entries * limits::id_table_growth_max;
}

bool IdIndex::full() {
  poll();
  return active_->full() && frozen_ && at_hard_bound();
}

uint64_t IdIndex::covered() const { return keeper_->covered(); }

Result<> IdIndex::flush() {
  if (frozen_) TRY_DONE(keeper_->wait_until_covered(frozen_to_));
  install(*keeper_->take());
  if (active_->count() == 0) return Done{};
  freeze();
  TRY_DONE(keeper_->wait_until_covered(frozen_to_));
  install(*keeper_->take());
  return Done{};
}

void IdIndex::forget_before(uint64_t lsn) {
  keeper_->forget_before(lsn);
  poll();
}

void IdIndex::forget_older(Micros now) {
  if (const uint64_t first = window_.first_lsn(now); first > keeper_->first_lsn()) forget_before(first);
}

IdIndex::Stats IdIndex::stats() const {
  const auto& counters = keeper_->counters();
  Stats stats;
  stats.entries = active_->count() + (frozen_ ? frozen_->count() : 0);
  stats.table_bytes = active_->bytes() + (frozen_ ? frozen_->bytes() : 0) + keeper_->spare_bytes();
  stats.memory_bytes = stats.table_bytes;
  for (const auto& run : runs_) {
    stats.entries += run->header().count;
    stats.filter_bytes += run->filter().byte_count();
    stats.memory_bytes += run->memory_bytes();
    stats.disk_bytes += run->header().file_bytes();
  }
  stats.runs = runs_.size();
  stats.spills = counters.spills;
  stats.merges = counters.merges;
  stats.merged_entries = counters.merged_entries;
  stats.growths = growths_;
  stats.waits = waits_;
  stats.write_failures = counters.write_failures;
  stats.window_shrinks = counters.window_shrinks;
  stats.forgotten_ids = counters.forgotten_ids;
  stats.first_lsn = keeper_->first_lsn();
  stats.run_reads = run_reads_;
  stats.false_positives = false_positives_;
  return stats;
}

}  // namespace headrace
