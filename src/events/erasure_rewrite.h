// The log's part of an erasure, on a worker thread: which segments hold the person, those segments anew, and
// the proof.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/events/thinning.h"
#include "storage/directory.h"

namespace headrace {

// A segment with something of the person in it.
struct HeldSegment {
  uint32_t segment = 0;
  Lsn first_lsn = 0, last_lsn = 0;
  ErasureCounts counts;
};

// Of one partition: records up to `through`, in segments before `before`.
struct ErasureRange {
  PartitionPlace place;
  Lsn through = 0;
  uint32_t before = 0;
};

Result<std::vector<HeldSegment>> find_held(const ErasureRange& range, const ErasureOrder& order);

// Without the person. Kill point in_erase.
Result<> rewrite_held(const ErasureRange& range, const ErasureOrder& order, uint32_t segment);

// SHA-256 of a segment's file, as hexadecimal digits.
Result<std::string> sha256_of_segment(const PartitionPlace& place, uint32_t segment);

}  // namespace headrace
