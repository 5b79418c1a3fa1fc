// Compaction: the state of a closed partition anew, without the pages that LMDB has freed and the gaps in
// those it has.
//
// A base is made of the state before it is closed (Partition::make_base); then the state is forgotten, and
// the next start begins with that base: the ordinary recovery. A crash in between leaves either.
#pragma once

#include "src/base/result.h"
#include "storage/directory.h"
#include "storage/disk.h"

namespace headrace {

// Precondition: the partition is closed, and its newest base holds all of its state. Older bases go as well.
Result<> forget_state(Disk& disk, const PartitionPlace& place);

}  // namespace headrace
