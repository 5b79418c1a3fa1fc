// SegmentReader: the batches of one segment, one after the other, each checked against what it must continue.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "storage/directory.h"
#include "storage/disk.h"
#include "storage/segment_format.h"

namespace headrace {

// A place in the log between two batches.
struct LogPosition {
  uint32_t segment = 0;
  uint64_t offset = 0;
  Lsn lsn = 1;         // of the next record
  uint64_t chain = 0;  // over everything before
};

class SegmentReader {
 public:
  static Result<SegmentReader> open(Disk& disk, const PartitionPlace& place, uint32_t segment);

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Is there, at `at`, a valid batch that continues `at`? Then header() and body() are its.
  // With `body` false the body's hash is not checked and the body not read.
  Result<bool> read(const LogPosition& at, bool body = true);
  const BatchHeader& batch() const { return batch_; }
  std::string_view body() const { return body_; }   // as stored; good until the next read
  LogPosition after() const { return after_; }      // behind the batch
  const char* why_not() const { return why_not_; }  // of the last read() that said no

  // The end of a rewritten segment, where the log goes on in the next one.
  LogPosition end() const {
    return {header_.segment, header_.rewritten->index_offset, header_.rewritten->end_lsn,
            header_.rewritten->end_chain};
  }
  // Where the frame at `offset` stands, `length` bytes of which are read at once. Nothing where there is none.
  Result<std::optional<LogPosition>> position_of_frame(uint64_t offset, size_t length);
  // Bytes of the file as they are, behind the frames.
  Result<std::string> bytes_at(uint64_t offset, size_t size);
  uint64_t salt() const { return salt_; }

  // The first valid batch at or behind `offset` that holds a record at or above `lsn`, wherever it begins.
  Result<bool> find_behind(uint64_t offset, Lsn lsn);
  // Where the last byte that is not zero ends, at or behind `offset`; `offset` where there is none.
  Result<uint64_t> used_end(uint64_t offset);

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path, uint64_t salt);
  Result<bool> read_window(const LogPosition& at, bool body);
  bool finish_frames();
  // The bytes from `offset`, fewer than `size` only at the end of the file. Good until the next call.
  Result<std::string_view> view(uint64_t offset, size_t size);
  Result<> load(uint64_t offset, size_t size);
  bool no(const char* why) { return why_not_ = why, false; }

  std::unique_ptr<File> file_;
  std::string path_;
  uint64_t salt_;
  SegmentHeader header_;
  uint64_t file_bytes_ = 0;
  std::string window_;
  uint64_t window_offset_ = 0;
  size_t window_size_ = 0;
  bool window_fresh_ = false;  // loaded during the current read()
  BatchHeader batch_;
  std::string_view body_;
  LogPosition after_;
  const char* why_not_ = "";
};

// Ids of the segments of a partition, ascending. Error::storage_damaged where one is missing between two
// others.
Result<std::vector<uint32_t>> list_segments(Disk& disk, const PartitionPlace& place);

// Whether the log now begins behind this segment: retention dropped it, perhaps just now.
Result<bool> was_dropped(Disk& disk, const PartitionPlace& place, uint32_t segment);

}  // namespace headrace
