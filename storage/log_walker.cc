// Walking across segments: a segment ends where the first LSN of the next one is reached.
#include "storage/log_walker.h"

#include <algorithm>

#include "codec/checksum.h"

namespace headrace {
namespace {

bool is_dropped(Disk& disk, const PartitionPlace& place, uint32_t segment) {
  auto dropped = was_dropped(disk, place, segment);
  return dropped.ok() && *dropped;
}

}  // namespace

Problem damaged_log(const std::string& path, uint64_t offset, Lsn first, Lsn last, std::string_view why) {
  std::string range = first == last ? "LSN " + std::to_string(first)
                                    : "LSN " + std::to_string(first) + " to " + std::to_string(last);
  return Problem(Error::storage_damaged, path,
                 "The batch at byte " + std::to_string(offset) + " is damaged (" + std::string(why) +
                     "): acknowledged records are lost, " + range);
}

LogWalker::LogWalker(Disk& disk, PartitionPlace place, std::vector<uint32_t> segments)
    : disk_(&disk), place_(std::move(place)), segments_(std::move(segments)) {}

Result<LogWalker> LogWalker::at_start(Disk& disk, const PartitionPlace& place) {
  auto segments = list_segments(disk, place);
  if (!segments) return segments.problem();
  if (segments->empty()) return Problem(Error::storage_damaged, place.log(), "The log has no segment");
  LogWalker walker(disk, place, *segments);
  if (auto entered = walker.enter(segments->front()); !entered) {
    return is_dropped(disk, place, segments->front()) ? at_start(disk, place) : entered.problem();
  }
  walker.begin_at_first_batch();
  return walker;
}

Result<LogWalker> LogWalker::at_segment_of(Disk& disk, const PartitionPlace& place, Lsn lsn) {
  auto segments = list_segments(disk, place);
  if (!segments) return segments.problem();
  // Binary search: first LSNs do not descend. What was dropped meanwhile is before what is wanted, or the start will do.
  size_t low = 0, high = segments->size();
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    auto reader = SegmentReader::open(disk, place, (*segments)[middle]);
    if (!reader && !is_dropped(disk, place, (*segments)[middle])) return reader.problem();
    (!reader || reader->header().first_lsn <= lsn ? low : high) = middle;
  }
  if (low == 0) return at_start(disk, place);
  LogWalker walker(disk, place, *segments);
  if (auto entered = walker.enter((*segments)[low]); !entered)
    return is_dropped(disk, place, (*segments)[low]) ? at_start(disk, place) : entered.problem();
  walker.begin_at_first_batch();
  return walker;
}

Result<LogWalker> LogWalker::at_position(Disk& disk, const PartitionPlace& place,
                                         const LogPosition& position) {
  auto segments = list_segments(disk, place);
  if (!segments) return segments.problem();
  LogWalker walker(disk, place, *segments);
  TRY_DONE(walker.enter(position.segment));
  walker.end_ = position;
  return walker;
}

Result<LogWalker> LogWalker::in_segment(Disk& disk, const PartitionPlace& place, uint32_t segment,
                                        bool alone) {
  std::vector<uint32_t> segments = {segment};
  if (!alone) segments.push_back(segment + 1);
  LogWalker walker(disk, place, segments);
  TRY_DONE(walker.enter(segment));
  const SegmentHeader& header = walker.reader_->header();
  walker.end_ = {segment, segment_header_bytes, header.first_lsn, header.chain};
  return walker;
}

Result<> LogWalker::enter(uint32_t segment) {
  auto reader = SegmentReader::open(*disk_, place_, segment);
  if (!reader) return reader.problem();
  reader_.emplace(std::move(*reader));
  durable_bound_ = std::max(durable_bound_, reader_->header().first_lsn - 1);
  if (entered_) TRY_DONE(entered_(*reader_));
  return look_ahead();
}

Result<> LogWalker::watch(Entered entered) {
  entered_ = std::move(entered);
  return entered_(*reader_);
}

Result<> LogWalker::look_ahead() {
  next_first_lsn_.reset();
  uint32_t next = reader_->header().segment + 1;
  if (!std::ranges::binary_search(segments_, next)) return Done{};
  if (const auto& rewritten = reader_->header().rewritten) {
    next_first_lsn_ = rewritten->end_lsn;
    durable_bound_ = std::max(durable_bound_, *next_first_lsn_ - 1);
    return Done{};
  }
  auto ahead = SegmentReader::open(*disk_, place_, next);
  if (!ahead) return ahead.problem();
  next_first_lsn_ = ahead->header().first_lsn;
  durable_bound_ = std::max(durable_bound_, *next_first_lsn_ - 1);
  return Done{};
}

Result<> LogWalker::step_over() {
  while (next_first_lsn_ && end_.lsn == *next_first_lsn_) {
    uint32_t expected = reader_->header().segment + 1;
    TRY_DONE(enter_next());
    const SegmentHeader& header = reader_->header();
    bool continues = header.chain == end_.chain && header.first_lsn == end_.lsn;
    if (header.segment == expected && !continues) {
      return damaged_log(reader_->path(), 0, header.first_lsn, header.first_lsn,
                         "the chain of segments is broken");
    }
    begin_at_first_batch();
  }
  return Done{};
}

Result<> LogWalker::enter_next() {
  uint32_t next = reader_->header().segment + 1;
  auto entered = enter(next);
  while (!entered && is_dropped(*disk_, place_, next)) {
    auto segments = list_segments(*disk_, place_);
    if (!segments) return segments.problem();
    segments_ = std::move(*segments);
    next = segments_.front();
    entered = enter(next);
  }
  return entered;
}

void LogWalker::begin_at_first_batch() {
  const SegmentHeader& header = reader_->header();
  end_ = {header.segment, segment_header_bytes, header.first_lsn, header.chain};
}

Result<> LogWalker::jump_to_frame(uint64_t offset, size_t length, Lsn first_lsn) {
  auto position = reader_->position_of_frame(offset, length);
  if (!position) return position.problem();
  if (!*position || (*position)->lsn != first_lsn) {
    return damaged_log(reader_->path(), offset, first_lsn, first_lsn,
                       "the index says that a frame begins here");
  }
  end_ = **position;
  return Done{};
}

Result<bool> LogWalker::next(bool body) {
  TRY_DONE(step_over());
  auto found = reader_->read(end_, body);
  if (!found) return found.problem();
  bool overruns = *found && next_first_lsn_ && reader_->batch().last_lsn() >= *next_first_lsn_;
  if (next_first_lsn_ && (!*found || overruns)) return broken(*next_first_lsn_ - 1);
  if (!*found) return false;
  position_ = end_;
  end_ = reader_->after();
  durable_bound_ = std::max(durable_bound_, reader_->batch().watermark());
  return true;
}

Problem LogWalker::broken(Lsn through) const {
  return damaged_log(reader_->path(), end_.offset, end_.lsn, through, reader_->why_not());
}

Result<RecordCursor> LogWalker::records() {
  const BatchHeader& header = reader_->batch();
  auto cursor = [&](std::string_view body) {
    return RecordCursor(body, header.first_lsn, header.count, header.base_time, header.spacing());
  };
  if (header.codec == Codec::raw) return cursor(reader_->body());
  auto done = decompressor_.decompress_exactly(reader_->body(), header.raw_length, raw_);
  if (!done) {
    return damaged_log(reader_->path(), position_.offset, header.first_lsn, header.last_lsn(),
                       "its body does not decompress");
  }
  return cursor(raw_);
}

Result<bool> LogWalker::refresh() {
  auto segments = list_segments(*disk_, place_);
  if (!segments) return segments.problem();
  segments_ = std::move(*segments);
  TRY_DONE(look_ahead());
  return next_first_lsn_.has_value();
}

}  // namespace headrace
