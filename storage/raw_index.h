// RawIndexes: what a rewritten segment has on disk, for the newest segments of a partition that are still as they were
// written: an index in memory, of groups of batches. Made by those who query, of what came since the query before.
//
// Lives on: any thread. Limits: limits::raw_indexes_max segments, the newest; others are read whole.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/index_builder.h"
#include "storage/log_walker.h"

namespace headrace {

// Which parts of a segment to read.
struct ReadPlan {
  struct Part {
    LogPosition begin;
    Lsn last_lsn = 0;
    uint32_t bytes = 0;  // of a frame, whose chain value is read with it; 0: `begin` has it
  };
  std::vector<Part> parts;
  LogPosition end;          // behind everything the plan knows of
  uint64_t parts_seen = 0;  // among which they were chosen
};

class RawIndexes {
 public:
  // For segment `segment`, whose records up to `through` are durable. Nothing where it has no index: it is too old, or was
  // rewritten or dropped meanwhile.
  Result<std::optional<ReadPlan>> plan(Disk& disk, const PartitionPlace& place, uint32_t segment, Lsn through,
                                       const EventFilter& filter);
  // It was rewritten.
  void forget(uint32_t segment);

 private:
  struct Index {
    IndexBuilder builder;
    std::vector<LogPosition> begins;  // of the groups
    LogPosition end;
  };
  Index* index_of(const SegmentHeader& header);
  static Result<> catch_up(LogWalker& walker, Index& index, Lsn through);

  std::mutex mutex_;
  std::map<uint32_t, std::unique_ptr<Index>> indexes_;
};

}  // namespace headrace
