// Reading a sealed segment through a walker, and writing what is kept as frames.
#include "storage/segment_rewriter.h"

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/batch_body.h"
#include "storage/hole.h"
#include "storage/index_builder.h"
#include "storage/kill_point.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

class Rewriting {
 public:
  Rewriting(const RewriteOptions& options, const RecordVisitor& visit)
      : options_(options), visit_(visit), salt_(salt_of(options.place)) {}

  Result<RewriteReport> run(uint32_t segment) {
    return replace(segment, [&] { return write_new(segment); });
  }

  Result<RewriteReport> run(const SegmentRemains& remains) {
    return replace(remains.header.segment, [&] { return write_new(remains); });
  }

 private:
  template <class Write>
  Result<RewriteReport> replace(uint32_t segment, Write write) {
    path_ = options_.place.log() + "/" + segment_name(segment);
    report_.segment = segment;
    auto done = write();
    if (done.ok() && !report_.given_up) done = replace_old();
    if (!done || report_.given_up) (void)options_.disk->remove(unnamed());
    if (!done) return done.problem();
    return report_;
  }
  std::string unnamed() const { return path_ + ".tmp"; }
  Result<> write_new(uint32_t segment);
  Result<> write_new(const SegmentRemains& remains);
  Result<> begin(const SegmentHeader& header, Lsn end_lsn);
  Result<> keep_holes(SegmentReader& reader);
  Result<> create();
  Result<> copy(RecordCursor cursor);
  Result<> add(const RecordView& record);
  void drop(const RecordView& record);
  Result<> close_frame(Lsn end);
  Result<> write(std::string_view bytes);
  Result<> finish(uint64_t end_chain);
  Result<> replace_old();

  const RewriteOptions& options_;
  const RecordVisitor& visit_;
  const uint64_t salt_;
  std::string path_;
  std::unique_ptr<File> file_;
  SegmentHeader header_;
  Compressor compressor_{limits::frame_compression_level};
  IndexBuilder index_;
  std::string body_, out_;  // of the open frame, before and after compression
  uint32_t count_ = 0;
  Lsn frame_first_ = 0, next_ = 0;  // the open frame begins there; behind its last record
  Micros base_time_ = 0;
  uint64_t chain_ = 0, offset_ = segment_header_bytes, unsynced_ = 0, raw_bytes_ = 0;
  uint32_t holes_ = 0;
  std::string holes_text_;
  RewriteReport report_;
};

Result<> Rewriting::write_new(uint32_t segment) {
  auto ahead = SegmentReader::open(*options_.disk, options_.place, segment + 1);
  if (!ahead) return ahead.problem();
  auto reader = SegmentReader::open(*options_.disk, options_.place, segment);
  if (!reader) return reader.problem();
  report_.bytes_before = reader->file_bytes();
  TRY_DONE(keep_holes(*reader));
  TRY_DONE(begin(reader->header(), ahead->header().first_lsn));
  auto walker = LogWalker::at_position(*options_.disk, options_.place,
                                       {segment, segment_header_bytes, header_.first_lsn, header_.chain});
  if (!walker) return walker.problem();
  while (walker->end().lsn < report_.end_lsn && !report_.given_up) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found) return Problem(Error::storage_damaged, path_, "The segment ends before the next one begins");
    auto records = walker->records();
    if (!records) return records.problem();
    TRY_DONE(copy(*records));
  }
  if (report_.given_up) return Done{};
  if (walker->end().chain != ahead->header().chain)
    return damaged_log(path_, walker->end().offset, report_.first_lsn, report_.end_lsn - 1,
                       "the next segment does not continue its chain");
  return finish(walker->end().chain);
}

Result<> Rewriting::write_new(const SegmentRemains& remains) {
  holes_ = remains.holes;
  holes_text_ = remains.holes_text;
  TRY_DONE(begin(remains.header, remains.end_lsn));
  RecordCursor records;
  while (true) {
    auto more = remains.next(records);
    if (!more) return more.problem();
    if (!*more) return finish(remains.end_chain);
    TRY_DONE(copy(records));
  }
}

Result<> Rewriting::begin(const SegmentHeader& header, Lsn end_lsn) {
  header_ = header;
  chain_ = header.chain;
  report_.first_lsn = frame_first_ = next_ = header.first_lsn;
  report_.end_lsn = end_lsn;
  CHECK(end_lsn > header.first_lsn && end_lsn - header.first_lsn <= UINT32_MAX);
  return create();
}

// What is lost stays named, however often the segment is written.
Result<> Rewriting::keep_holes(SegmentReader& reader) {
  auto text = holes_text(reader);
  if (!text) return text.problem();
  holes_ = reader.header().rewritten ? reader.header().rewritten->holes : 0;
  holes_text_ = std::move(*text);
  return Done{};
}

Result<> Rewriting::create() {
  TRY_DONE(options_.disk->remove(unnamed()));
  auto file = options_.disk->open(unnamed(), OpenMode::create);
  if (!file) return file.problem();
  file_ = std::move(*file);
  return Done{};
}

Result<> Rewriting::copy(RecordCursor cursor) {
  RecordView record;
  while (!cursor.at_end()) {
    TRY_DONE(cursor.next(record));
    if (!visit_(record)) {
      drop(record);
      continue;
    }
    TRY_DONE(add(record));
    if (report_.given_up) return Done{};
  }
  return Done{};
}

void Rewriting::drop(const RecordView& record) {
  ++report_.records_dropped;
  if (report_.first_dropped == 0) report_.first_dropped = record.lsn;
  report_.last_dropped = record.lsn;
}

Result<> Rewriting::add(const RecordView& record) {
  if (count_ == 0) base_time_ = record.time;
  put_varint(record.lsn - next_, body_);
  encode_record(record, base_time_, body_);
  index_.add(record);
  next_ = record.lsn + 1;
  ++count_;
  ++report_.records_kept;
  return body_.size() < options_.frame_bytes ? Done{} : close_frame(next_);
}

// The frame stands for all LSNs before `end`.
Result<> Rewriting::close_frame(Lsn end) {
  BatchBody body = encode_body(compressor_, body_, out_);
  BatchHeader header{.codec = body.codec,
                     .length = static_cast<uint32_t>(batch_header_bytes + body.bytes),
                     .raw_length = static_cast<uint32_t>(body_.size()),
                     .segment = header_.segment,
                     .count = count_,
                     .first_lsn = frame_first_,
                     .chain = chain_,
                     .body_hash = hash64({out_.data() + batch_header_bytes, body.bytes}, salt_),
                     .base_time = base_time_,
                     .frame = true,
                     .span = static_cast<uint32_t>(end - frame_first_)};
  chain_ = encode(header, salt_, out_.data());
  index_.close_frame(offset_, header);
  TRY_DONE(write(out_));
  ++report_.frames;
  raw_bytes_ += body_.size();
  frame_first_ = next_ = end;
  body_.clear();
  count_ = 0;
  kill_point(options_.kill_point_name);
  report_.given_up = options_.may_go_on && !options_.may_go_on();
  return Done{};
}

Result<> Rewriting::write(std::string_view bytes) {
  TRY_DONE(file_->write_at(bytes, offset_));
  offset_ += bytes.size();
  unsynced_ += bytes.size();
  if (unsynced_ < limits::rewrite_sync_bytes) return Done{};
  unsynced_ = 0;
  return file_->sync_data();
}

Result<> Rewriting::finish(uint64_t end_chain) {
  if (frame_first_ < report_.end_lsn) TRY_DONE(close_frame(report_.end_lsn));
  IndexBuilder::Index index = index_.finish(salt_);
  uint64_t thinned = options_.thinned.value_or(header_.rewritten ? header_.rewritten->thinned : 0);
  header_.rewritten = Rewritten{.end_lsn = report_.end_lsn,
                                .end_chain = end_chain,
                                .frames_chain = chain_,
                                .index_offset = offset_,
                                .index_bytes = index.bytes.size(),
                                .head_bytes = index.head_bytes,
                                .records = static_cast<uint32_t>(report_.records_kept),
                                .head_hash = index.head_hash,
                                .raw_bytes = raw_bytes_,
                                .event_first = index.event_first,
                                .event_last = index.event_last,
                                .frames = index.frames,
                                .thinned = thinned,
                                .holes = holes_,
                                .holes_bytes = holes_text_.size(),
                                .holes_hash = holes_ ? hash64(holes_text_, salt_) : 0};
  TRY_DONE(write(index.bytes));
  TRY_DONE(write(holes_text_));
  TRY_DONE(file_->write_at(encode(header_, options_.place), 0));
  report_.bytes_after = offset_;
  return file_->sync();
}

Result<> Rewriting::replace_old() {
  kill_point(options_.kill_point_name);
  TRY_DONE(options_.disk->rename(unnamed(), path_));
  kill_point(options_.kill_point_name);
  return options_.disk->sync_directory(options_.place.log());
}

}  // namespace

Result<RewriteReport> rewrite_segment(const RewriteOptions& options, uint32_t segment,
                                      const RecordVisitor& visit) {
  return Rewriting(options, visit).run(segment);
}

Result<RewriteReport> rewrite_remains(const RewriteOptions& options, const SegmentRemains& remains) {
  const RecordVisitor keep = [](RecordView&) { return true; };
  return Rewriting(options, keep).run(remains);
}

}  // namespace headrace
