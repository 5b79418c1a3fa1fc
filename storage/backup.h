// Backup: what a data directory cannot do without, copied beside a running server: bases and the log.
//
//   BACKUP       checked lines (checked_lines.h): headrace-backup 1, created; then of every file
//                "path bytes hash", its XXH3-128; written last
//   MANIFEST, p000/log/*.seg, p000/base-LSN/*       as in the directory itself. KEY is not in it: it is a secret
//
// Nothing is asked of the server: sealed segments and bases only change as a whole file, and of the segment being written
// the valid batches are taken. Where a file vanishes on the way (rewritten, outdated) the lists are read again. A file
// that the backup holds already, by size and hash, is not copied. Limits: limits::backup_attempts_max.
#pragma once

#include <string>
#include <vector>

#include "codec/record.h"
#include "src/base/time.h"
#include "storage/directory.h"
#include "storage/file_copy.h"

namespace headrace {

struct BackupFile {
  std::string path;  // within the directory
  FileSeal seal;
};

struct BackupManifest {
  Micros created = 0;
  std::vector<BackupFile> files;
};

struct BackupReport {
  uint64_t files = 0, bytes = 0;                // the backup holds
  uint64_t files_copied = 0, bytes_copied = 0;  // by this run
  uint64_t files_removed = 0;
  uint64_t attempts = 0;
};

// Then verify_backup() says whether it is whole.
Result<BackupReport> make_backup(Disk& disk, Clock& clock, const std::string& data, const std::string& into);

Result<BackupManifest> read_backup(Disk& disk, const std::string& path);

// What a partition of a backup holds.
struct BackedUpPartition {
  uint32_t partition = 0;
  Lsn first_lsn = 0, last_lsn = 0;
  std::vector<Lsn> bases;  // newest first
};
struct BackupCheck {
  std::vector<BackedUpPartition> partitions;
  std::vector<std::string> wrong;  // empty: it is whole
};
// Every file against its hash, every log in full depth, every base, and that one leads to each log.
Result<BackupCheck> verify_backup(Disk& disk, const std::string& path);

}  // namespace headrace
