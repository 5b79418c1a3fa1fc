// repair_log(): a damaged log of a partition made whole again by leaving out what is lost, if somebody says
// that he knows what.
//
// Every damaged segment is written anew from what can be read of it, with a signed hole (hole.h) for what
// cannot; the chain of the log goes on across it. Where CKPT names a place that is no more, it is moved to
// the beginning of that segment. Where the log begins later than it should, BEGIN says who accepted that. The order is such that after a crash the log is still damaged, with the same
// loss, or whole. Needs the lock of the directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/base/limits.h"
#include "storage/hole.h"
#include "storage/segment_rewriter.h"

namespace headrace {

struct LsnRange {
  Lsn first = 0, last = 0;
  bool operator==(const LsnRange&) const = default;
};

struct RepairOptions {
  PartitionPlace place;
  const SigningKey* key = nullptr;
  std::string by = {};                  // who accepts the loss
  std::vector<LsnRange> accepted = {};  // ascending
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  size_t segment_bytes = 0;
  size_t state_map_bytes = limits::state_map_bytes;
};

struct RepairReport {
  std::vector<Hole> holes = {};             // new ones
  std::vector<std::string> rewritten = {};  // paths of segments
  size_t slots_moved = 0;
  bool segment_added = false;
  std::optional<LsnRange> begin_lost = {};  // records before the log that was there still
  bool begin_signed = false;                // BEGIN is new
  Lsn base_lsn = 0;  // of the base that keeps what a checkpoint had of the loss; 0: none has any
};

// Error::conflict, naming the right ranges, where not exactly what is lost was accepted; Error::not_found
// where nothing is damaged. Then nothing was changed.
Result<RepairReport> repair_log(const RepairOptions& options);

}  // namespace headrace
