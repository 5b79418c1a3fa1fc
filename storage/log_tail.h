// The tail of a log: where it ends, what behind the last durable bound is valid, and mending it.
#pragma once

#include <string>
#include <vector>

#include "storage/log_walker.h"
#include "storage/log_writer.h"

namespace headrace {

struct LogTail {
  struct Batch {
    BatchHeader header;
    std::string body;
  };
  LogPosition start;           // of the tail: the end of what is known to be durable
  std::vector<Batch> batches;  // valid, but perhaps not durable
  LogPosition end;             // behind them
  uint64_t cut_bytes = 0;      // of a torn batch behind that
  Lsn durable_bound = 0;
  std::string path;  // of the last segment
};

// Walks the log from `from`. Error::storage_damaged, naming file, byte and LSNs, where something that was
// durable (as `durable_bound`, watermarks, later segments or later batches show) cannot be read.
Result<LogTail> find_log_end(Disk& disk, const PartitionPlace& place, const LogPosition& from,
                             Lsn durable_bound);

// Where there is anything behind the tail's start, moves it into a new segment and cuts it off the old one.
// Where the log then ends.
Result<LogPosition> mend_tail(const LogWriterOptions& options, const LogTail& tail);

}  // namespace headrace
