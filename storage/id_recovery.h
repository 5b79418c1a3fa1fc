// Opening the directory of a dedup index: what is complete stays, the rest goes.
//
//   ids-FROM-TO.run   runs (id_run.h); after a crash in a merge, the merged one beside its parts
//   FLOOR             u64 each: magic, first LSN of the window, count of marks, time and LSN of each mark
//                     (id_window.h), XXH3-64 of it all. Ids of earlier LSNs were forgotten on purpose, so a
//                     missing run below it is none. Written before the runs below it are deleted, and with
//                     every run where there are new marks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/id_run.h"
#include "storage/id_window.h"

namespace headrace {

struct IdFloor {
  uint64_t first_lsn = 1;  // of the window
  std::vector<IdMark> marks = {};
};

struct IdLoaded : IdFloor {
  std::vector<std::shared_ptr<IdRun>> runs;  // oldest first, without a gap
  uint64_t covered = 0;
};

// See IdIndex::open.
Result<IdLoaded> load_ids(Disk& disk, const std::string& dir, uint64_t log_identity, uint64_t log_end_lsn);

Result<> write_id_floor(Disk& disk, const std::string& dir, const IdFloor& floor);

}  // namespace headrace
