// LogReader: the records of one partition's log in order, from an LSN up to a bound, each batch checked.
//
// It has its own descriptors and buffers, so any thread may use one, also while the partition is being
// written: then `through` must be at most the durable LSN, because what lies behind may still be on its way
// to the disk. Without a bound it reads every valid batch there is, also those a crash might yet cut.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"
#include "storage/directory.h"
#include "storage/disk.h"
#include "storage/event_filter.h"
#include "storage/hole.h"

namespace headrace {

class RawIndexes;

class LogReader {
 public:
  static constexpr Lsn unbounded = std::numeric_limits<Lsn>::max();

  // `from`: the first record wanted; below the start of the log it means its start.
  static Result<LogReader> open(const PartitionPlace& place, Lsn from = 1, Lsn through = unbounded,
                                Disk& disk = system_disk());
  // The same, leaving out frames in which no event can match. What is read may still hold records that do not: the caller
  // looks at each. Without `raw`, segments that were not rewritten are read whole.
  static Result<LogReader> open(const PartitionPlace& place, Lsn from, Lsn through, std::optional<EventFilter> filter,
                                RawIndexes* raw = nullptr, Disk& disk = system_disk());
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  // The next record, or false at the bound or the end of the log. Its views are good until the next call.
  // Error::storage_damaged where the log breaks off before `through`, or before a batch known to be durable.
  Result<bool> next(RecordView& record);
  // More is wanted: next() goes on where it stopped at the bound.
  void extend(Lsn through);

  struct Effort {
    uint64_t frames_read = 0, frames_seen = 0;  // batches are frames, too; those left out are only seen
  };
  Effort effort() const;

  // Holes (hole.h) in the segments read or passed over so far, of which an LSN is asked for, in order: records that were lost, and
  // would perhaps have been among these. Those whose records all came in before what the filter asks for are left out. A reader
  // without a filter goes on past holes that are damaged themselves, one with a filter does not: `log verify` and the scrub name them.
  const std::vector<Hole>& holes() const;

 private:
  struct Reading;
  explicit LogReader(std::unique_ptr<Reading> reading);
  std::unique_ptr<Reading> reading_;
};

}  // namespace headrace
