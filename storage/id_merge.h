// Merging runs of the dedup index: which ones, and how.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/id_run.h"

namespace headrace {

struct IdMergeWindow {
  size_t first = 0, count = 0;  // neighbours, oldest first
};

// Nothing while there are at most `runs_max`. Else the newest runs, as far back as none is larger than all
// newer ones together (J. L. Bentley, J. B. Saxe, "Decomposable Searching Problems I", 1980: each id is
// rewritten about log(runs) times); where that would pass `ids_max`, the neighbours that cost least per run
// saved.
std::optional<IdMergeWindow> choose_merge(const std::vector<uint64_t>& sizes, size_t runs_max,
                                          uint64_t ids_max);

struct IdMergeRules {
  uint64_t first_lsn = 1;  // entries outside of [first_lsn, last_lsn] are left out
  uint64_t last_lsn = UINT64_MAX;
  std::function<bool()> between = nullptr;  // after every few blocks; false: stop with Error::shutting_down
};

// One run over the span of all `runs` (neighbours, oldest first). Of two entries of one id the older one
// stays. Error::storage_damaged with the path as field where a run cannot be read; other errors are of
// writing.
Result<std::shared_ptr<IdRun>> merge_runs(Disk& disk, const std::string& dir,
                                          const std::vector<std::shared_ptr<IdRun>>& runs,
                                          const IdMergeRules& rules);

}  // namespace headrace
