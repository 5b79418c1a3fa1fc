// SegmentScan: every valid batch in the bytes of one damaged segment, and the LSNs that are missing between
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/compress.h"
#include "storage/segment_reader.h"

namespace headrace {

struct Loss {
  uint32_t segment = 0;
  Lsn first = 0, last = 0;
  uint64_t offset = 0, end_offset = 0;  // in the damaged file
  std::string reason = {};
  uint64_t chain_before = 0, chain_after = 0;
};

// The body of a batch as records, in a buffer of its own.
class BatchOpener {
 public:
  std::optional<RecordCursor> open(const BatchHeader& header, std::string_view stored) {
    if (header.codec == Codec::zstd) {
      if (!decompressor_.decompress_exactly(stored, header.raw_length, raw_)) return std::nullopt;
      stored = raw_;
    }
    return RecordCursor(stored, header.first_lsn, header.count, header.base_time, header.spacing());
  }

 private:
  Decompressor decompressor_;
  std::string raw_ = {};
};

class SegmentScan {
 public:
  // `next`: where the log goes on in the segment behind it, if that is known.
  SegmentScan(const PartitionPlace& place, std::string_view bytes, LogPosition begin,
              std::optional<LogPosition> next)
      : bytes_(bytes), salt_(salt_of(place)), at_(begin), next_(next) {}

  // `durable_bound`: where no next is known, records up to here were there.
  void run(Lsn durable_bound);

  const std::vector<LogPosition>& batches() const { return batches_; }
  const std::vector<Loss>& losses() const { return losses_; }
  LogPosition end() const { return at_; }  // where the log goes on; offset: behind the last valid batch

 private:
  Lsn end_lsn() const { return next_ ? next_->lsn : UINT64_MAX; }
  const char* look();  // nullptr: there is a batch; else why there is none
  void take();
  void skip(const char* why);
  void lose(Lsn last, uint64_t chain_after);

  std::string_view bytes_;
  uint64_t salt_;
  LogPosition at_;
  std::optional<LogPosition> next_ = {};
  BatchHeader header_;
  BatchOpener opener_;
  const char* why_ = nullptr;  // there is no batch at gap_begin_
  uint64_t gap_begin_ = 0;
  std::vector<LogPosition> batches_ = {};
  std::vector<Loss> losses_ = {};
};

}  // namespace headrace
