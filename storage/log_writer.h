// LogWriter: puts batches behind each other on the disk: compress, hash, chain, pwrite, fdatasync; rolls
// segments.
//
// Lives on: the sync thread (made by recovery before that). Any error is final: nothing may be acked after
// it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/batch_body.h"
#include "storage/segment_reader.h"

namespace headrace {

// Segments that were zero-filled and synced ahead of use: overwriting syncs faster than appending.
class SegmentSource {
 public:
  struct Spare {
    std::unique_ptr<File> file;
    std::string path;
    uint64_t bytes = 0;
  };
  virtual ~SegmentSource() = default;
  virtual void want() = 0;                  // any thread: have one ready soon
  virtual std::optional<Spare> take() = 0;  // any thread: nothing where none is ready
};

struct LogWriterOptions {
  PartitionPlace place;
  Clock* clock = nullptr;
  Disk* disk = nullptr;
  SegmentSource* spares = nullptr;  // may be nullptr
  size_t segment_bytes = 0;
};

struct RawBatch {
  std::string body;  // records, see codec/record.h
  Lsn first_lsn = 0;
  uint32_t count = 0;
  Micros base_time = 0;
  bool seals = false;  // a new segment begins before it; it may then be empty
};

class LogWriter {
 public:
  // Goes on at `end`, in a segment that exists and holds nothing but zeros behind it.
  static Result<LogWriter> open(LogWriterOptions options, const LogPosition& end);

  void use_spares(SegmentSource* spares) { options_.spares = spares; }

  // On return the batch is durable.
  Result<> write(const RawBatch& batch);

  // Of the last write().
  const LogPosition& position() const { return position_; }  // where it stands
  const LogPosition& end() const { return end_; }            // behind it
  size_t written_bytes() const { return out_.size(); }
  uint64_t segments_opened() const { return segments_opened_; }

 private:
  explicit LogWriter(LogWriterOptions options)
      : options_(std::move(options)), compressor_(compression_level) {}
  static constexpr int compression_level = -1;

  void encode_header(const RawBatch& batch);
  Result<> make_room(size_t bytes);
  Result<> put(uint64_t bytes);
  Result<> begin_segment();
  Result<> roll(SegmentSource::Spare spare);
  void enter(const LogPosition& start, std::unique_ptr<File> file, uint64_t ready_bytes);

  LogWriterOptions options_;
  Compressor compressor_;
  std::unique_ptr<File> file_;
  uint64_t ready_bytes_ = 0;  // of the file: zero-filled
  Lsn segment_first_lsn_ = 0;
  LogPosition position_, end_;
  uint64_t chain_next_ = 0;
  std::string out_;
  BatchBody body_;
  uint64_t segments_opened_ = 0;
};

// Creates, syncs and names a segment that begins at `end` (with end.segment as its id) and holds `content`
// behind its header, then `zeros` zero bytes. Atomic: after a crash it is there whole or not at all.
Result<> create_segment(const LogWriterOptions& options, const LogPosition& end, std::string_view content,
                        size_t zeros);

}  // namespace headrace
