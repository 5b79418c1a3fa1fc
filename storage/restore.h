// Restore: a data directory from a backup, its logs cut behind an LSN. The next start makes the state anew from it.
#pragma once

#include <limits>
#include <vector>

#include "codec/record.h"
#include "storage/backup.h"

namespace headrace {

struct RestoreOptions {
  std::string from, into;  // into: empty, or not there yet
  std::vector<Lsn> last;   // of each partition: the last record that stays
  Micros bases_until = std::numeric_limits<Micros>::max();  // younger bases stay behind
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
};

struct RestoreReport {
  uint64_t files = 0, bytes = 0;
  uint64_t bases = 0;
};

// Every file is checked against the backup's manifest as it is copied. The uuid stays, so the bytes of the log do; the
// directory is younger, though, and no backup goes from it on top of the old one.
Result<RestoreReport> restore_backup(const RestoreOptions& options);

}  // namespace headrace
