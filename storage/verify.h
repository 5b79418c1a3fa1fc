// Verify: reads the whole log of a partition and says what is there. For `log verify` and `log info`.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"
#include "storage/directory.h"
#include "storage/disk.h"
#include "storage/hole.h"
#include "storage/log_begin.h"
#include "storage/segment_index.h"

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
  bool rewritten = false;                // then batches are frames
  uint64_t records_gone = 0;             // of a rewritten one: LSNs without a record
  uint64_t index_bytes = 0;
  std::array<uint64_t, section_count> index_entries{};
  std::vector<Hole> holes;  // what was accepted to be lost
};

// What a damaged place costs.
enum class Damage : uint8_t {
  records,  // a batch or frame, a header, a segment: records cannot be read
  index,    // queries of that segment fail
  hole,     // a loss that nobody signed for
};

struct LogReport {
  std::vector<SegmentReport> segments;
  uint64_t records_by_kind[6] = {};  // at the Kind's number; only with Depth::records
  uint64_t torn_bytes = 0;           // behind the end: what a crash left and the next start will cut
  std::optional<LogBegin> begin;     // where it should begin; nothing where no BEGIN says so
  LogPosition end;                   // behind the last batch read
  bool next_missing = false;         // the last segment is a rewritten one, which always has a next
  Damage damage_kind = Damage::records;
  std::optional<Problem> damage;     // the first damage found; nothing behind it was read
};

enum class Depth : uint8_t {
  headers,  // segment and batch headers and their chain
  records,  // also bodies: hash, decompression, every record; an index is made anew and compared
};

// While a server writes to it, torn_bytes may be a batch on its way. What CKPT knows to be durable must be
// there.
Result<LogReport> inspect_log(const PartitionPlace& place, Depth depth, Disk& disk = system_disk());

// One segment, records and all, and whether the one behind it goes on where it ends. `alone`: as if it were
// the last. `may_go_on` is asked between batches; where it says no, the rest is not looked at.
struct SegmentCheck {
  uint32_t segment = 0;
  bool alone = false;
  Lsn durable_bound = 0;  // of the last segment: records up to here must be there
  std::function<bool(uint64_t bytes)> may_go_on = {};
};
Result<LogReport> inspect_segment(const PartitionPlace& place, const SegmentCheck& check,
                                  Disk& disk = system_disk());

}  // namespace headrace
