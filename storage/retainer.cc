// Bases first, then what no start needs any more.
#include "storage/retainer.h"

#include <algorithm>

#include "storage/base.h"
#include "storage/kill_point.h"
#include "storage/log_begin.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

constexpr Micros share_of_a_look = 100;  // the time between two is so many times that of one
constexpr std::string_view kill_point_name = "in_retention";

Result<uint32_t> first_segment_for(Disk& disk, const PartitionPlace& place, Lsn base) {
  auto checkpoint = read_base(disk, place, base);
  if (!checkpoint) return checkpoint.problem();
  auto walker = LogWalker::at_segment_of(disk, place, checkpoint->replay_from);
  if (!walker) return walker.problem();
  return walker->end().segment;
}

}  // namespace

Result<std::vector<SegmentSummary>> summarise_log(Disk& disk, const PartitionPlace& place) {
  auto segments = list_segments(disk, place);
  if (!segments) return segments.problem();
  std::vector<SegmentSummary> out;
  for (uint32_t segment : *segments) {
    auto reader = SegmentReader::open(disk, place, segment);
    if (!reader) return reader.problem();
    const SegmentHeader& header = reader->header();
    out.push_back({.segment = segment,
                   .first_lsn = header.first_lsn,
                   .bytes = reader->file_bytes(),
                   .began_us = header.created,
                   .thinned = header.rewritten ? header.rewritten->thinned : 0});
  }
  return out;
}

Result<std::optional<uint32_t>> base_segment(Disk& disk, const PartitionPlace& place,
                                             std::optional<uint64_t> fold) {
  auto bases = list_bases(disk, place);
  if (!bases) return bases.problem();
  if (bases->empty()) return std::optional<uint32_t>();
  auto newest = read_base(disk, place, bases->front());
  if (!newest) return newest.problem();
  if (fold && newest->fold != *fold) return std::optional<uint32_t>();
  auto segment = first_segment_for(disk, place, bases->front());
  if (!segment) return segment.problem();
  return std::optional(*segment);
}

Result<> forget_bases_through(Disk& disk, const PartitionPlace& place, uint32_t last) {
  auto bases = list_bases(disk, place);
  if (!bases) return bases.problem();
  for (Lsn base : *bases) {
    auto segment = first_segment_for(disk, place, base);
    if (!segment) return segment.problem();
    if (*segment <= last) TRY_DONE(delete_base(disk, place, base));
  }
  return Done{};
}

RetentionStats Retainer::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

template <class Change>
void Retainer::count(Change change) {
  std::lock_guard lock(mutex_);
  change(stats_);
}

Result<bool> Retainer::look() {
  Micros began = parts_.clock->monotonic();
  if (began < not_before_us_) return false;
  auto done = look_now();
  Micros took = parts_.clock->monotonic() - began;
  bool more = done.ok() && *done;
  if (!more) not_before_us_ = began + std::max(parts_.period_us, share_of_a_look * took);
  return done;
}

Result<bool> Retainer::look_now() {
  auto segments = summarise_log(*parts_.disk, parts_.place);
  if (!segments) return segments.problem();
  if (segments->empty()) return false;
  count([&](RetentionStats& s) {
    s.first_lsn = segments->front().first_lsn;
    s.first_time_us = segments->front().began_us;
  });
  Micros now = parts_.clock->wall();
  if (seal_due(parts_.policy, segments->back().began_us, now)) parts_.seal();
  auto step = next_step(parts_.policy, *segments, now);
  if (!step) return false;
  if (step->segment >= parts_.settled_segment()) {
    parts_.seal();  // checkpoints follow, also where nobody writes
    return false;
  }
  auto free = free_of_starts(step->segment);
  if (!free || !*free) return free;
  auto done = step->thin ? thin(step->segment, *step->thin) : drop_first(segments->front(), (*segments)[1].first_lsn);
  if (!done) return done.problem();
  return true;
}

// Whether every start there may be begins behind the segment; makes it so where it can.
Result<bool> Retainer::free_of_starts(uint32_t segment) {
  std::optional<uint64_t> served;
  if (parts_.definitions) {
    served = parts_.definitions();
    if (!served) return false;
  }
  auto from = base_segment(*parts_.disk, parts_.place, served);
  if (!from) return from.problem();
  if (!*from || **from <= segment) {
    auto made = parts_.make_base();
    if (!made && made.problem().error == Error::overloaded) return false;
    if (!made) return made.problem();
    from = base_segment(*parts_.disk, parts_.place, served);
    if (!from) return from.problem();
    if (!*from || **from <= segment) return false;
  }
  TRY_DONE(forget_bases_through(*parts_.disk, parts_.place, segment));
  return true;
}

// The oldest first, each durably: a crash leaves no gap.
Result<> Retainer::drop_first(const SegmentSummary& first, Lsn then) {
  kill_point(kill_point_name);
  TRY_DONE(move_begin(then));
  kill_point(kill_point_name);
  TRY_DONE(parts_.disk->remove(parts_.place.log() + "/" + segment_name(first.segment)));
  kill_point(kill_point_name);
  TRY_DONE(parts_.disk->sync_directory(parts_.place.log()));
  kill_point(kill_point_name);
  count([&](RetentionStats& s) {
    ++s.segments_dropped;
    s.bytes_dropped += first.bytes;
  });
  return Done{};
}

Result<> Retainer::move_begin(Lsn lsn) {
  if (parts_.key == nullptr) return Done{};
  auto begin = read_log_begin(*parts_.disk, parts_.place);
  if (!begin) return begin.problem();
  if (*begin && (*begin)->lsn >= lsn) return Done{};
  return write_log_begin(*parts_.disk, parts_.place, *parts_.key,
                         {.lsn = lsn, .why = "retention", .time = parts_.clock->wall()});
}

Result<> Retainer::thin(uint32_t segment, const Expired& expired) {
  auto report = rewrite_segment({.place = parts_.place,
                                 .clock = parts_.clock,
                                 .disk = parts_.disk,
                                 .frame_bytes = parts_.frame_bytes,
                                 .may_go_on = parts_.may_go_on,
                                 .kill_point_name = kill_point_name,
                                 .thinned = expired.mark()},
                                segment, parts_.leave_out(expired));
  if (!report) return report.problem();
  count([&](RetentionStats& s) {
    s.segments_thinned += !report->given_up;
    s.records_dropped += report->records_dropped;
  });
  return Done{};
}

}  // namespace headrace
