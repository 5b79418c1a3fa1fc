// One batch at a time onto the end of the log.
#include "storage/log_writer.h"

#include <algorithm>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/kill_point.h"

namespace headrace {
namespace {

constexpr size_t fill_bytes = 1024 * 1024;

Result<> fill_with_zeros(File& file, uint64_t from, uint64_t to) {
  std::string zeros(std::min<uint64_t>(fill_bytes, to - from), '\0');
  for (; from < to; from += zeros.size()) {
    zeros.resize(std::min<uint64_t>(zeros.size(), to - from));
    TRY_DONE(file.write_at(zeros, from));
  }
  return Done{};
}

SegmentHeader header_at(const LogPosition& end, Clock& clock) {
  return {.segment = end.segment, .first_lsn = end.lsn, .chain = end.chain, .created = clock.wall()};
}

}  // namespace

Result<LogWriter> LogWriter::open(LogWriterOptions options, const LogPosition& end) {
  LogWriter writer(std::move(options));
  auto reader = SegmentReader::open(*writer.options_.disk, writer.options_.place, end.segment);
  if (!reader) return reader.problem();
  auto file = writer.options_.disk->open(reader->path(), OpenMode::write);
  if (!file) return file.problem();
  writer.file_ = std::move(*file);
  writer.ready_bytes_ = reader->file_bytes();
  writer.segment_first_lsn_ = reader->header().first_lsn;
  writer.position_ = writer.end_ = end;
  return writer;
}

void LogWriter::encode_header(const RawBatch& batch) {
  std::string_view body(out_.data() + batch_header_bytes, body_.bytes);
  uint64_t salt = salt_of(options_.place);
  BatchHeader header{.codec = body_.codec,
                     .length = static_cast<uint32_t>(batch_header_bytes + body_.bytes),
                     .raw_length = static_cast<uint32_t>(batch.body.size()),
                     .segment = end_.segment,
                     .count = batch.count,
                     .first_lsn = batch.first_lsn,
                     .chain = end_.chain,
                     .body_hash = hash64(body, salt),
                     .base_time = batch.base_time,
                     .undurable = 1};  // one batch at a time: all before it is durable
  chain_next_ = encode(header, salt, out_.data());
}

// Whole pages where zeros stand anyway: the kernel need not read from the disk what a spare does not have in memory.
Result<> LogWriter::put(uint64_t bytes) {
  uint64_t end = end_.offset + bytes;
  uint64_t page_end = (end + disk_page_bytes - 1) / disk_page_bytes * disk_page_bytes;
  if (page_end <= ready_bytes_) out_.append(page_end - end, '\0');
  return file_->write_at(out_, end_.offset);
}

Result<> LogWriter::write(const RawBatch& batch) {
  if (batch.seals && end_.lsn > segment_first_lsn_) TRY_DONE(begin_segment());
  out_.clear();
  position_ = end_;
  if (batch.seals && batch.count == 0) return Done{};
  CHECK(batch.first_lsn == end_.lsn && batch.count > 0 && !batch.body.empty());
  body_ = encode_body(compressor_, batch.body, out_);
  TRY_DONE(make_room(out_.size()));
  encode_header(batch);
  const uint64_t bytes = out_.size();
  TRY_DONE(put(bytes));
  kill_point("before_sync");
  TRY_DONE(file_->sync_data());
  kill_point("after_sync");
  position_ = end_;
  end_ = {end_.segment, end_.offset + bytes, batch.first_lsn + batch.count, chain_next_};
  if (options_.spares != nullptr && end_.offset > ready_bytes_ / 2) options_.spares->want();
  return Done{};
}

// Prefers zero-filled space, then a spare, then to append, and only in a full segment a new one made on the
// spot.
Result<> LogWriter::make_room(size_t bytes) {
  if (end_.offset + bytes <= ready_bytes_) return Done{};
  if (options_.spares != nullptr) {
    if (auto spare = options_.spares->take()) return roll(std::move(*spare));
  }
  bool empty = end_.lsn == segment_first_lsn_;
  if (empty || end_.offset + bytes <= options_.segment_bytes) return Done{};
  return begin_segment();
}

Result<> LogWriter::begin_segment() {
  if (options_.spares != nullptr) {
    if (auto spare = options_.spares->take()) return roll(std::move(*spare));
  }
  LogPosition next{end_.segment + 1, segment_header_bytes, end_.lsn, end_.chain};
  TRY_DONE(create_segment(options_, next, {}, 0));
  auto file = options_.disk->open(options_.place.log() + "/" + segment_name(next.segment), OpenMode::write);
  if (!file) return file.problem();
  enter(next, std::move(*file), 0);
  return Done{};
}

void LogWriter::enter(const LogPosition& start, std::unique_ptr<File> file, uint64_t ready_bytes) {
  file_ = std::move(file);
  ready_bytes_ = ready_bytes;
  segment_first_lsn_ = start.lsn;
  end_ = start;
  ++segments_opened_;
}

Result<> LogWriter::roll(SegmentSource::Spare spare) {
  LogPosition next{end_.segment + 1, segment_header_bytes, end_.lsn, end_.chain};
  TRY_DONE(spare.file->write_at(encode(header_at(next, *options_.clock), options_.place), 0));
  TRY_DONE(spare.file->sync());
  TRY_DONE(options_.disk->rename(spare.path, options_.place.log() + "/" + segment_name(next.segment)));
  TRY_DONE(options_.disk->sync_directory(options_.place.log()));
  enter(next, std::move(spare.file), spare.bytes);
  return Done{};
}

Result<> create_segment(const LogWriterOptions& options, const LogPosition& end, std::string_view content,
                        size_t zeros) {
  std::string path = options.place.log() + "/" + segment_name(end.segment);
  std::string unnamed = path + ".tmp";
  TRY_DONE(options.disk->remove(unnamed));
  auto file = options.disk->open(unnamed, OpenMode::create);
  if (!file) return file.problem();
  TRY_DONE((*file)->write_at(encode(header_at(end, *options.clock), options.place), 0));
  TRY_DONE((*file)->write_at(content, segment_header_bytes));
  uint64_t used = segment_header_bytes + content.size();
  TRY_DONE(fill_with_zeros(**file, used, used + zeros));
  TRY_DONE((*file)->sync());
  TRY_DONE(options.disk->rename(unnamed, path));
  return options.disk->sync_directory(options.place.log());
}

}  // namespace headrace
