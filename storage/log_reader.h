// LogReader: the records of one partition's log in order, from an LSN up to a bound, each batch checked.
//
// It has its own descriptors and buffers, so any thread may use one, also while the partition is being
// written: then `through` must be at most the durable LSN, because what lies behind may still be on its way
// to the disk. Without a bound it reads every valid batch there is, also those a crash might yet cut.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "codec/record.h"
#include "storage/directory.h"
#include "storage/disk.h"

namespace headrace {

class LogReader {
 public:
  static constexpr Lsn unbounded = std::numeric_limits<Lsn>::max();

  // `from`: the first record wanted; below the start of the log it means its start.
  static Result<LogReader> open(const PartitionPlace& place, Lsn from = 1, Lsn through = unbounded,
                                Disk& disk = system_disk());
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  // The next record, or false at the bound or the end of the log. Its views are good until the next call.
  // Error::storage_damaged where the log breaks off before `through`, or before a batch known to be durable.
  Result<bool> next(RecordView& record);

 private:
  struct Reading;
  explicit LogReader(std::unique_ptr<Reading> reading);
  std::unique_ptr<Reading> reading_;
};

}  // namespace headrace
