// Batches from a walker, taken apart into records.
#include "storage/log_reader.h"

#include <algorithm>
#include <utility>

#include "src/base/limits.h"
#include "storage/log_walker.h"
#include "storage/raw_index.h"
#include "storage/segment_index.h"

namespace headrace {

struct LogReader::Reading {
  Reading(LogWalker from_walker, Lsn from_lsn, Lsn through_lsn, Disk& its_disk)
      : walker(std::move(from_walker)), from(from_lsn), through(through_lsn), disk(&its_disk) {}

  LogWalker walker;
  Lsn from, through;
  RecordCursor cursor;
  std::optional<RecordView> beyond;  // of this batch: read, but behind the bound
  std::optional<EventFilter> filter;
  RawIndexes* raw = nullptr;
  Disk* disk;
  Effort effort;
  std::vector<Hole> holes;

  Result<bool> next_batch();
  Result<> note_holes(SegmentReader& segment);
  bool may_hold_a_match(uint32_t segment) const;

 private:
  Result<> leave_out_frames();
  Result<bool> at_end();
  Result<> read_body();

  // Of the segment that the walker is in: which parts to read.
  uint32_t planned_segment_ = 0;
  std::optional<ReadPlan> plan_;
  size_t next_part_ = 0;
  Result<> make_plan();
  Result<ReadPlan> plan_by_index();
  Result<> jump(const ReadPlan::Part& part);
};

LogReader::LogReader(std::unique_ptr<Reading> reading) : reading_(std::move(reading)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

Result<LogReader> LogReader::open(const PartitionPlace& place, Lsn from, Lsn through, Disk& disk) {
  return open(place, from, through, std::nullopt, nullptr, disk);
}

Result<LogReader> LogReader::open(const PartitionPlace& place, Lsn from, Lsn through, std::optional<EventFilter> filter,
                                  RawIndexes* raw, Disk& disk) {
  auto walker = LogWalker::at_segment_of(disk, place, from);
  if (!walker) return walker.problem();
  LogReader reader(std::make_unique<Reading>(std::move(*walker), from, through, disk));
  Reading* reading = reader.reading_.get();
  reading->filter = std::move(filter);
  reading->raw = raw;
  TRY_DONE(reading->walker.watch([reading](SegmentReader& segment) { return reading->note_holes(segment); }));
  return reader;
}

Result<> LogReader::Reading::note_holes(SegmentReader& segment) {
  const auto& rewritten = segment.header().rewritten;
  if (!rewritten || rewritten->holes == 0) return Done{};
  auto found = read_holes(segment, walker.place());
  if (!found && !filter && found.problem().error == Error::storage_damaged) return Done{};  // the records are whole
  if (!found) return found.problem();
  std::ranges::sort(*found, {}, &Hole::first);
  for (Hole& hole : *found)
    if (hole.last >= from && hole.first <= through && may_hold_a_match(hole.segment)) holes.push_back(std::move(hole));
  return Done{};
}

// An event came in before the next segment began, and is at most so much later than that.
bool LogReader::Reading::may_hold_a_match(uint32_t segment) const {
  if (!filter || !filter->start) return true;
  auto next = SegmentReader::open(*disk, walker.place(), segment + 1);
  return !next || *filter->start <= next->header().created + limits::event_ahead_max_us;
}

Result<ReadPlan> LogReader::Reading::plan_by_index() {
  SegmentReader& segment = walker.reader();
  const Rewritten& its = *segment.header().rewritten;
  ReadPlan plan{.parts = {}, .end = segment.end(), .parts_seen = its.frames};
  bool elsewhen =
      (filter->start && its.event_last < *filter->start) || (filter->end && its.event_first >= *filter->end);
  if (elsewhen) return plan;
  auto index = SegmentIndex::open(segment);
  if (!index) return index.problem();
  auto frames = index->select(*filter);
  if (!frames) return frames.problem();
  for (uint32_t number : *frames) {
    const FrameEntry& frame = index->head().frames[number];
    plan.parts.push_back({{segment.header().segment, frame.offset, frame.first_lsn, 0}, frame.last_lsn()});
    plan.parts.back().bytes = frame.length;
  }
  return plan;
}

Result<> LogReader::Reading::make_plan() {
  const SegmentHeader& header = walker.reader().header();
  planned_segment_ = header.segment;
  next_part_ = 0;
  plan_.reset();
  if (header.rewritten) {
    auto plan = plan_by_index();
    if (!plan) return plan.problem();
    plan_ = std::move(*plan);
    if (raw != nullptr) raw->forget(header.segment);
  } else if (raw != nullptr) {
    auto plan = raw->plan(*disk, walker.place(), header.segment, through, *filter);
    if (!plan) return plan.problem();
    plan_ = std::move(*plan);
  }
  if (plan_) effort.frames_seen += plan_->parts_seen;
  return Done{};
}

// Moves the walker to the next part that may hold a match: across whole segments, if need be.
Result<> LogReader::Reading::leave_out_frames() {
  while (walker.end().lsn <= through) {
    TRY_DONE(walker.step_over());
    if (planned_segment_ != walker.reader().header().segment) TRY_DONE(make_plan());
    if (!plan_ || walker.end().lsn >= plan_->end.lsn) return Done{};
    Lsn wanted = std::max(from, walker.end().lsn);
    while (next_part_ < plan_->parts.size() && plan_->parts[next_part_].last_lsn < wanted) ++next_part_;
    if (next_part_ < plan_->parts.size()) return jump(plan_->parts[next_part_]);
    walker.jump(plan_->end);
    if (walker.in_last_segment()) return Done{};
  }
  return Done{};
}

Result<> LogReader::Reading::jump(const ReadPlan::Part& part) {
  if (part.begin.lsn <= walker.end().lsn) return Done{};  // it is there, or in the middle of the part
  if (part.bytes > 0) return walker.jump_to_frame(part.begin.offset, part.bytes, part.begin.lsn);
  walker.jump(part.begin);
  return Done{};
}

// Whether the log may end here: true where more was appended meanwhile.
Result<bool> LogReader::Reading::at_end() {
  auto more = walker.refresh();
  if (!more || *more) return more;
  bool promised = (through != LogReader::unbounded && walker.end().lsn <= through) ||
                  walker.end().lsn <= walker.durable_bound();
  if (!promised) return false;
  Lsn last = through != LogReader::unbounded ? through : walker.durable_bound();
  return damaged_log(walker.reader().path(), walker.end().offset, walker.end().lsn, last,
                     walker.reader().why_not());
}

// Of a batch that was only hopped to, and holds the first record wanted.
Result<> LogReader::Reading::read_body() {
  auto whole = walker.reader().read(walker.position());
  if (!whole) return whole.problem();
  if (*whole) return Done{};
  return damaged_log(walker.reader().path(), walker.position().offset, walker.position().lsn,
                     walker.end().lsn - 1, walker.reader().why_not());
}

// Reads on to a batch that holds a record wanted. Those before are only hopped over.
Result<bool> LogReader::Reading::next_batch() {
  while (walker.end().lsn <= through) {
    if (filter) TRY_DONE(leave_out_frames());
    if (walker.end().lsn > through) return false;
    auto found = walker.next(walker.end().lsn >= from);
    if (!found) return found.problem();
    if (!*found) {
      auto more = at_end();
      if (!more || !*more) return more;
      continue;
    }
    if (walker.batch().last_lsn() < from) continue;
    if (walker.reader().body().empty()) TRY_DONE(read_body());
    auto records = walker.records();
    if (!records) return records.problem();
    cursor = *records;
    ++effort.frames_read;
    if (!plan_) ++effort.frames_seen;
    return true;
  }
  return false;
}

Result<bool> LogReader::next(RecordView& record) {
  while (true) {
    if (reading_->beyond) {
      if (reading_->beyond->lsn > reading_->through) return false;
      record = *std::exchange(reading_->beyond, std::nullopt);
      return true;
    }
    while (!reading_->cursor.at_end()) {
      if (reading_->cursor.next_lsn() > reading_->through) return false;
      TRY_DONE(reading_->cursor.next(record));
      if (record.lsn > reading_->through) return reading_->beyond = record, false;
      if (record.lsn >= reading_->from) return true;
    }
    auto more = reading_->next_batch();
    if (!more || !*more) return more;
  }
}

void LogReader::extend(Lsn through) { reading_->through = std::max(reading_->through, through); }

const std::vector<Hole>& LogReader::holes() const { return reading_->holes; }

LogReader::Effort LogReader::effort() const { return reading_->effort; }

}  // namespace headrace
