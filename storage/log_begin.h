// LogBegin: where the log of a partition begins, and who made it so. What is missing before it was dropped; where the log begins
// later than that, records are lost.
//
//   DATA/p000/BEGIN := signed lines (signed_lines.h): begin 1, uuid, partition, lsn, why, time (us since 1970, UTC), key, signature
//
// Whoever drops the oldest segment writes first, durably, where the log will begin then: a crash in between leaves more than BEGIN
// promises, never less. A partition without BEGIN, of an older version, gets one that says what is there.
#pragma once

#include <optional>
#include <string>

#include "codec/record.h"
#include "src/base/time.h"
#include "storage/directory.h"
#include "storage/disk.h"

namespace headrace {

struct LogBegin {
  Lsn lsn = 1;           // of the first record, were there no gaps
  std::string why = {};  // "made", "found", "retention", "repair ..."
  Micros time = 0;
};

// Durable when it returns.
Result<> write_log_begin(Disk& disk, const PartitionPlace& place, const SigningKey& key, const LogBegin& begin);
// Nothing where there is no BEGIN. Error::storage_damaged where it is not what a key of the directory signed.
Result<std::optional<LogBegin>> read_log_begin(Disk& disk, const PartitionPlace& place);

// Error::storage_damaged, naming the log's folder and the LSNs that are missing, where a log that begins at `first` lacks some.
Result<> check_log_begin(Disk& disk, const PartitionPlace& place, Lsn first);

}  // namespace headrace
