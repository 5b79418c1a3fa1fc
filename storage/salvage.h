// Salvage: what of a damaged log can still be read, segment by segment, and what exactly is lost. For `log
// repair`.
//
// A segment that inspect_segment() finds whole is taken as it is. Of another one every valid batch is looked
// for, wherever it begins: LSNs between two of them, or before the next segment, are lost.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/checkpoint_store.h"
#include "storage/segment_rewriter.h"
#include "storage/segment_scan.h"

namespace headrace {

struct SalvagedSegment {
  uint32_t segment = 0;
  LogPosition begin;
  Lsn end_lsn = 0;
  uint64_t end_chain = 0;
  std::string damage = {};                // why it is to be written anew; empty: it is whole
  std::vector<LogPosition> batches = {};  // of a damaged one: where those begin that can be read
  std::vector<Loss> losses = {};
  uint32_t holes = 0;  // of earlier repairs
  std::string holes_text = {};
};

struct Salvage {
  std::vector<SalvagedSegment> segments = {};
  bool next_missing = false;      // a segment must be made for the log to go on in
  std::vector<Checkpoint> slots = {};  // of CKPT
  std::vector<bool> slots_stand = {};  // the log has a batch where the slot says
  LogPosition next() const {
    const SalvagedSegment& last = segments.back();
    return {last.segment + 1, segment_header_bytes, last.end_lsn, last.end_chain};
  }
};

// Error::storage_damaged where it cannot be mended by leaving something out: say, files whose names were
// exchanged.
Result<Salvage> salvage_log(Disk& disk, const PartitionPlace& place);

// The records of the batches of a damaged segment, one batch after the other, for rewrite_remains().
Result<SegmentRemains> remains_of(Disk& disk, const PartitionPlace& place, const SalvagedSegment& segment);

}  // namespace headrace
