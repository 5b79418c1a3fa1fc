// LogWalker: all batches of a partition from a position on, across segments. Recovery, verify and readers use
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/compress.h"
#include "src/base/result.h"
#include "storage/segment_reader.h"

namespace headrace {

class LogWalker {
 public:
  // Begins at the first batch of the log.
  static Result<LogWalker> at_start(Disk& disk, const PartitionPlace& place);
  // Begins in the last segment whose first LSN is not above `lsn`, at its first batch.
  static Result<LogWalker> at_segment_of(Disk& disk, const PartitionPlace& place, Lsn lsn);
  // In one segment, as if no other one was there but that behind it, unless `alone`.
  static Result<LogWalker> in_segment(Disk& disk, const PartitionPlace& place, uint32_t segment, bool alone);
  static Result<LogWalker> at_position(Disk& disk, const PartitionPlace& place, const LogPosition& position);

  // The next batch; false where none follows in the last segment. Error::storage_damaged, naming file, byte
  // and LSNs, where the log breaks off although a later segment shows that more had been durable.
  Result<bool> next(bool body = true);

  const BatchHeader& batch() const { return reader_->batch(); }
  const LogPosition& position() const { return position_; }  // of this batch
  const LogPosition& end() const { return end_; }  // behind it; where the log ends after next() said false
  // The records of this batch; views into this walker, good until the next call.
  Result<RecordCursor> records();

  // Where the current segment is read to its end, enters the next one; where retention dropped that meanwhile, the one
  // the log now begins with. next() does so by itself.
  Result<> step_over();
  // In a rewritten segment: goes on at that frame.
  Result<> jump_to_frame(uint64_t offset, size_t length, Lsn first_lsn);
  // Called with every segment that is entered from now on, and at once with the current one. It outlives the walker.
  using Entered = std::function<Result<>(SegmentReader&)>;
  Result<> watch(Entered entered);
  // In the current segment: goes on there.
  void jump(const LogPosition& position) { end_ = position; }
  const PartitionPlace& place() const { return place_; }

  // Everything below this LSN was durable, as watermarks and segments seen so far show.
  Lsn durable_bound() const { return durable_bound_; }
  SegmentReader& reader() { return *reader_; }
  bool in_last_segment() const { return !next_first_lsn_; }
  bool at_segment_end() const { return next_first_lsn_ && end_.lsn == *next_first_lsn_; }
  // Segments may have been added since: look again. True where there are.
  Result<bool> refresh();

 private:
  LogWalker(Disk& disk, PartitionPlace place, std::vector<uint32_t> segments);
  Result<> enter(uint32_t segment);
  Result<> enter_next();
  void begin_at_first_batch();
  Result<> look_ahead();
  Problem broken(Lsn through) const;

  Disk* disk_;
  PartitionPlace place_;
  std::vector<uint32_t> segments_;
  std::optional<SegmentReader> reader_;
  std::optional<Lsn> next_first_lsn_;  // of the segment ahead; nothing in the last
  LogPosition position_, end_;
  Lsn durable_bound_ = 0;
  Entered entered_;
  Decompressor decompressor_;
  std::string raw_;
};

// What to tell a person about acked records that cannot be read.
Problem damaged_log(const std::string& path, uint64_t offset, Lsn first, Lsn last, std::string_view why);

}  // namespace headrace
