// One segment at a time, when its turn has come.
#include "storage/log_scrub.h"

#include <algorithm>

#include "storage/segment_reader.h"

namespace headrace {
namespace {

constexpr uint32_t no_segment = 0;  // the id under which a gap between segments is noted

uint64_t bytes_of(Disk& disk, const PartitionPlace& place, uint32_t segment) {
  auto file = disk.open(place.log() + "/" + segment_name(segment), OpenMode::read);
  if (!file) return 0;
  auto size = (*file)->size();
  return size ? *size : 0;
}

}  // namespace

bool LogScrub::step(const std::function<bool()>& may_go_on) {
  if (options_.period_us == 0) return false;
  auto listed = list_segments(*options_.disk, options_.place);
  if (!listed) {
    if (listed.problem().error == Error::storage_damaged && !segments_.contains(no_segment))
      note(no_segment, {.damage = Damage::records}, &listed.problem());
    return false;
  }
  std::vector<uint32_t> sealed = std::move(*listed);
  if (!sealed.empty()) sealed.pop_back();  // the last one is being written
  bool begins = !in_pass_ && !sealed.empty() && options_.clock->monotonic() >= next_pass_us_;
  if (begins) begin_pass(sealed);
  if (!in_pass_ || options_.clock->monotonic() < due()) return false;
  auto segment = std::ranges::lower_bound(sealed, next_);
  if (segment == sealed.end()) return end_pass(sealed), false;
  next_ = *segment + 1;
  check(*segment, may_go_on);
  return true;
}

Micros LogScrub::due() const {
  double part = bytes_total_ == 0 ? 0 : static_cast<double>(bytes_done_) / static_cast<double>(bytes_total_);
  return begun_us_ + static_cast<Micros>(static_cast<double>(options_.period_us) * std::min(part, 1.0));
}

void LogScrub::begin_pass(const std::vector<uint32_t>& sealed) {
  in_pass_ = true;
  begun_us_ = options_.clock->monotonic();
  next_ = 0;
  bytes_done_ = bytes_total_ = 0;
  for (uint32_t segment : sealed) bytes_total_ += bytes_of(*options_.disk, options_.place, segment);
  std::lock_guard lock(mutex_);
  stats_.pass_begun = options_.clock->wall();
}

void LogScrub::end_pass(const std::vector<uint32_t>& sealed) {
  in_pass_ = false;
  next_pass_us_ = begun_us_ + options_.period_us;
  std::lock_guard lock(mutex_);
  std::erase_if(segments_, [&](auto& entry) { return !std::ranges::binary_search(sealed, entry.first); });
  ++stats_.passes;
  stats_.pass_ended = options_.clock->wall();
}

void LogScrub::check(uint32_t segment, const std::function<bool()>& may_go_on) {
  bool whole = true;
  uint64_t bytes = bytes_of(*options_.disk, options_.place, segment);
  auto go_on = [&](uint64_t) { return whole = may_go_on(); };
  auto report = inspect_segment(options_.place, {.segment = segment, .may_go_on = go_on}, *options_.disk);
  bytes_done_ += bytes;
  if (!whole || !report) return;  // given up, or gone meanwhile
  Found found;
  for (auto& one : report->segments) found.holes += one.holes.size();
  if (report->damage) found.damage = report->damage_kind;
  note(segment, found, report->damage ? &*report->damage : nullptr);
  std::lock_guard lock(mutex_);
  stats_.bytes += bytes;
  ++stats_.segments;
}

void LogScrub::note(uint32_t segment, Found found, const Problem* problem) {
  if (problem != nullptr && options_.found) options_.found(*problem);
  std::lock_guard lock(mutex_);
  segments_[segment] = found;
}

ScrubStats LogScrub::stats() const {
  std::lock_guard lock(mutex_);
  ScrubStats stats = stats_;
  for (auto& [segment, found] : segments_) {
    stats.holes += found.holes;
    if (found.damage) ++stats.damaged[static_cast<size_t>(*found.damage)];
  }
  return stats;
}

}  // namespace headrace
