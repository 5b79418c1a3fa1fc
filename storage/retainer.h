// Retainer: carries out the retention of one partition's log, a step at a time.
//
// Operation: look() sees what is there and does what is due first: asks the owner to seal the segment being
// written, drops the first segment, or rewrites one without the types that expired. What it takes away must
// not be needed by any start: it touches only segments before settled_segment() and before the one from which
// the newest base goes on; where that is not far enough, a base is made first. A base whose rows other
// definitions made is none here: with what goes, its rows could not be made again as they are served. Older bases
// that would need what goes are deleted before it goes, and BEGIN says that it is going (log_begin.h). Lives on: the keeper's thread; stats() on any. Limits: a look costs
// at most a hundredth of the time between two.
#pragma once

#include <functional>
#include <mutex>

#include "src/base/limits.h"
#include "storage/retention.h"
#include "storage/segment_rewriter.h"

namespace headrace {

struct RetainerParts {
  PartitionPlace place;
  const SigningKey* key = nullptr;  // of the directory; none: BEGIN is left alone
  RetentionPolicy policy;
  std::function<uint32_t()> settled_segment;
  // Definitions::fold of the rows that are served; nothing while the log is folded by others. Unset: never changes.
  std::function<std::optional<uint64_t>()> definitions = {};
  std::function<void()> seal;           // asks the owner; returns at once
  std::function<Result<>()> make_base;  // of the newest checkpoint; Error::overloaded: later
  std::function<RecordVisitor(const Expired&)> leave_out;
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  size_t frame_bytes = limits::frame_bytes;
  std::function<bool()> may_go_on = {};
  Micros period_us = limits::keeper_period_us;
};

struct RetentionStats {
  uint64_t segments_dropped = 0, bytes_dropped = 0;
  uint64_t segments_thinned = 0, records_dropped = 0;
  Lsn first_lsn = 0;         // of the log
  Micros first_time_us = 0;  // nothing in it was taken in before
};

class Retainer {
 public:
  explicit Retainer(RetainerParts parts) : parts_(std::move(parts)) {}

  // True where something was done, so that there may be more.
  Result<bool> look();
  RetentionStats stats() const;

 private:
  Result<bool> look_now();
  Result<bool> free_of_starts(uint32_t segment);
  Result<> drop_first(const SegmentSummary& first, Lsn then);
  Result<> move_begin(Lsn lsn);
  Result<> thin(uint32_t segment, const Expired& expired);
  template <class Change>
  void count(Change change);

  const RetainerParts parts_;
  Micros not_before_us_ = 0;
  mutable std::mutex mutex_;  // of stats_
  RetentionStats stats_;
};

// Of all segments, from their headers.
Result<std::vector<SegmentSummary>> summarise_log(Disk& disk, const PartitionPlace& place);

// The first segment that a start from the newest base reads; nothing where there is no base, or one by other definitions
// than `fold`.
Result<std::optional<uint32_t>> base_segment(Disk& disk, const PartitionPlace& place,
                                             std::optional<uint64_t> fold = {});

// Deletes the bases from which a start would read segment `last` or one before it.
Result<> forget_bases_through(Disk& disk, const PartitionPlace& place, uint32_t last);

}  // namespace headrace
