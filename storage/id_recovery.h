// Opening the directory of a dedup index: what is complete stays, the rest goes.
//
//   ids-FROM-TO.run   runs (id_run.h); after a crash in a merge, the merged one beside its parts
//   FLOOR             24 bytes: magic, first LSN of the window, XXH3-64 of both. Older ids were forgotten on
//   purpose,
//                     so a missing run below it is none. Written before the runs below it are deleted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/id_run.h"

namespace headrace {

struct IdLoaded {
  std::vector<std::shared_ptr<IdRun>> runs;  // oldest first, without a gap
  uint64_t first_lsn = 1;                    // of the window
  uint64_t covered = 0;
};

// See IdIndex::open.
Result<IdLoaded> load_ids(Disk& disk, const std::string& dir, uint64_t log_identity, uint64_t log_end_lsn);

Result<> write_id_floor(Disk& disk, const std::string& dir, uint64_t first_lsn);

}  // namespace headrace
