// rewrite_segment(): one sealed segment anew, in frames with an index, with or without all of its records. Repacking,
// retention, compaction and erasure are this one mechanism with different visitors.
//
// The file is replaced as a whole: written beside the old one, synced, renamed over it. Who holds the old one open
// reads on in it. Precondition: the segment is sealed, and no recovery will start inside it (SegmentKeeper sees to it).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "src/base/time.h"
#include "storage/segment_reader.h"

namespace headrace {

// Sees every record in order. True: keep it, with the payload it now has (whose bytes must live until the next call);
// false: drop it. Its LSN then stands for nothing.
using RecordVisitor = std::function<bool(RecordView& record)>;

struct RewriteOptions {
  PartitionPlace place;
  Clock* clock = nullptr;
  Disk* disk = nullptr;
  size_t frame_bytes = 0;                // of a frame's records, before compression
  std::function<bool()> may_go_on = {};  // between frames: may sleep; false gives up
  std::string_view kill_point_name = "in_repack";
  std::optional<uint64_t> thinned = {};  // for the header; nothing: as it was
};

struct RewriteReport {
  uint32_t segment = 0;
  Lsn first_lsn = 0, end_lsn = 0;
  uint64_t records_kept = 0, records_dropped = 0;
  Lsn first_dropped = 0, last_dropped = 0;  // 0: none
  uint64_t frames = 0;
  uint64_t bytes_before = 0, bytes_after = 0;  // of the file
  bool given_up = false;                       // nothing was changed
};

// What can be read of a damaged segment, or of none: the records come from `next`, what is between them is gone.
struct SegmentRemains {
  SegmentHeader header;  // segment, first LSN, chain
  Lsn end_lsn = 0;
  uint64_t end_chain = 0;  // where the log goes on in the next segment
  uint32_t holes = 0;
  std::string holes_text = {};  // signed (hole.h)
  std::function<Result<bool>(RecordCursor&)> next = {};
};
Result<RewriteReport> rewrite_remains(const RewriteOptions& options, const SegmentRemains& remains);

// Error::storage_damaged where the segment cannot be read whole; it then stays as it is.
Result<RewriteReport> rewrite_segment(const RewriteOptions& options, uint32_t segment,
                                      const RecordVisitor& visit);

}  // namespace headrace
