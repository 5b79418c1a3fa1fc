// Verify: reads the whole log of a partition and says what is there. For `log verify` and `log info`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"
#include "storage/directory.h"
#include "storage/disk.h"

namespace headrace {

struct SegmentReport {
  std::string path;
  uint32_t segment = 0;
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;  // first_lsn - 1 where it holds no record
  uint64_t batches = 0, records = 0;
  uint64_t bytes_used = 0, bytes_raw = 0;  // header and batches on disk; bodies before compression
  uint64_t file_bytes = 0;
  Micros first_time = 0, last_time = 0;  // base times of the first and last batch
};

struct LogReport {
  std::vector<SegmentReport> segments;
  uint64_t records_by_kind[6] = {};  // at the Kind's number; only with Depth::records
  uint64_t torn_bytes = 0;           // behind the end: what a crash left and the next start will cut
  std::optional<Problem> damage;     // the first damage found; nothing behind it was read
};

enum class Depth : uint8_t {
  headers,  // segment and batch headers and their chain
  records,  // also bodies: hash, decompression, every record
};

// While a server writes to it, torn_bytes may be a batch on its way.
Result<LogReport> inspect_log(const PartitionPlace& place, Depth depth, Disk& disk = system_disk());

}  // namespace headrace
