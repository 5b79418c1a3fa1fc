// Walking the log and keeping count.
#include "storage/verify.h"

#include <algorithm>
#include <utility>

#include "storage/base.h"
#include "storage/checkpoint_store.h"
#include "storage/index_builder.h"
#include "storage/log_begin.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

class Inspection {
 public:
  Inspection(LogWalker walker, const PartitionPlace& place, Depth depth, Lsn durable_bound)
      : walker_(std::move(walker)), place_(place), depth_(depth), durable_bound_(durable_bound) {}

  // Stops behind the segment it began in.
  void only_one(std::function<bool(uint64_t)> may_go_on) {
    only_one_ = true;
    may_go_on_ = std::move(may_go_on);
  }

  Result<LogReport> run() {
    if (auto begun = begin_segment(); !begun) return stopped(begun.problem());
    while (true) {
      if (only_one_ && walker_.at_segment_end()) return end_of_segment();
      auto found = walker_.next(depth_ == Depth::records);
      if (!found) return stopped(found.problem());
      if (!*found) break;
      if (auto begun = follow_segment(walker_.batch().segment); !begun) return stopped(begun.problem());
      count_batch();
      if (may_go_on_ && !may_go_on_(walker_.batch().padded_length())) return std::move(report_);
      if (depth_ != Depth::records) continue;
      if (auto done = count_records(); !done) return stopped(done.problem());
      if (auto done = finish_rewritten(); !done) return stopped(done.problem());
    }
    if (auto begun = follow_segment(walker_.end().segment); !begun) return stopped(begun.problem());
    return look_behind_the_end();
  }

 private:
  Result<LogReport> end_of_segment() {
    report_.end = walker_.end();
    if (auto next = walker_.step_over(); !next) return stopped(next.problem());
    return std::move(report_);
  }

  Result<LogReport> stopped(const Problem& problem) {
    if (problem.error != Error::storage_damaged) return problem;
    report_.damage = problem;
    return std::move(report_);
  }

  Problem as(Damage kind, Problem problem) {
    report_.damage_kind = kind;
    return problem;
  }

  Result<> follow_segment(uint32_t segment) {
    return segment == report_.segments.back().segment ? Done{} : begin_segment();
  }

  Result<> begin_segment() {
    SegmentReader& reader = walker_.reader();
    SegmentReport segment;
    segment.path = reader.path();
    segment.segment = reader.header().segment;
    segment.first_lsn = reader.header().first_lsn;
    segment.last_lsn = segment.first_lsn - 1;
    segment.bytes_used = segment_header_bytes;
    segment.file_bytes = reader.file_bytes();
    report_.segments.push_back(segment);
    return reader.header().rewritten ? begin_rewritten(reader) : Done{};
  }

  Result<> begin_rewritten(SegmentReader& reader) {
    SegmentReport& segment = report_.segments.back();
    const Rewritten& its = *reader.header().rewritten;
    segment.rewritten = true;
    segment.records_gone = reader.header().lsns() - its.records;
    segment.index_bytes = its.index_bytes;
    segment.bytes_used += its.index_bytes + its.holes_bytes;
    auto holes = read_holes(reader, place_);
    if (!holes) return as(Damage::hole, holes.problem());
    segment.holes = std::move(*holes);
    auto index = SegmentIndex::open(reader);
    if (!index) return as(Damage::index, index.problem());
    for (size_t s = 0; s < section_count; ++s) segment.index_entries[s] = index->head().sections[s].entries;
    return Done{};
  }

  void count_batch() {
    SegmentReport& segment = report_.segments.back();
    const BatchHeader& batch = walker_.batch();
    if (segment.batches++ == 0) segment.first_time = batch.base_time;
    segment.last_time = batch.base_time;
    segment.last_lsn = batch.last_lsn();
    segment.records += batch.count;
    segment.bytes_used += batch.padded_length();
    segment.bytes_raw += batch.raw_length;
  }

  Result<> count_records() {
    auto cursor = walker_.records();
    if (!cursor) return cursor.problem();
    RecordView record;
    while (!cursor->at_end()) {
      TRY_DONE(cursor->next(record));
      ++report_.records_by_kind[static_cast<size_t>(record.kind)];
      if (walker_.batch().frame) index_.add(record);
    }
    return Done{};
  }

  // Behind the last frame: the index must be what its records make it.
  Result<> finish_rewritten() {
    if (!walker_.batch().frame) return Done{};
    index_.close_frame(walker_.position().offset, walker_.batch());
    SegmentReader& reader = walker_.reader();
    const Rewritten& its = *reader.header().rewritten;
    if (walker_.end().offset != its.index_offset) return Done{};
    auto stored = reader.bytes_at(its.index_offset, its.index_bytes);
    if (!stored) return stored.problem();
    IndexBuilder::Index index = std::exchange(index_, {}).finish(reader.salt());
    bool same = index.bytes == *stored && index.event_first == its.event_first &&
                index.event_last == its.event_last && index.frames == its.frames;
    if (same) return Done{};
    return as(Damage::index, Problem(Error::storage_damaged, reader.path(),
                                     "The index at byte " + std::to_string(its.index_offset) +
                                         " is not that of the records"));
  }

  Result<LogReport> look_behind_the_end() {
    const LogPosition end = report_.end = walker_.end();
    SegmentReader& reader = walker_.reader();
    const char* why = reader.why_not();
    report_.next_missing = reader.header().rewritten.has_value();
    if (report_.next_missing) {
      report_.damage = damaged_log(reader.path(), end.offset, end.lsn, std::max(end.lsn, durable_bound_),
                                   "the segment behind it is missing");
      return std::move(report_);
    }
    auto behind = reader.find_behind(end.offset, end.lsn);
    if (!behind) return behind.problem();
    Lsn durable = std::max(walker_.durable_bound(), durable_bound_);
    if (*behind) durable = std::max({durable, end.lsn, reader.batch().watermark()});
    if (end.lsn <= durable) {
      report_.damage = damaged_log(reader.path(), end.offset, end.lsn, durable, why);
      return std::move(report_);
    }
    auto used = reader.used_end(end.offset);
    if (!used) return used.problem();
    report_.torn_bytes = *used - end.offset;
    return std::move(report_);
  }

  LogWalker walker_;
  const PartitionPlace& place_;
  Depth depth_;
  Lsn durable_bound_;
  bool only_one_ = false;
  std::function<bool(uint64_t)> may_go_on_;
  IndexBuilder index_;  // of the rewritten segment being read
  LogReport report_;
};

Result<Lsn> durable_by_checkpoints(Disk& disk, const PartitionPlace& place) {
  auto slots = CheckpointStore::peek(disk, place);
  if (!slots) return slots.problem();
  auto bases = list_bases(disk, place);
  if (!bases) return bases.problem();
  Lsn durable = bases->empty() ? 0 : bases->front();
  for (const Checkpoint& slot : *slots) durable = std::max(durable, slot.applied_lsn);
  return durable;
}

// BEGIN is read after the log: retention may go on meanwhile.
Result<> look_at_begin(const PartitionPlace& place, Lsn first, Disk& disk, LogReport& report) {
  auto begin = read_log_begin(disk, place);
  auto whole = begin ? check_log_begin(disk, place, first) : Result<>(begin.problem());
  if (begin && *begin) report.begin = std::move(**begin);
  if (whole) return whole;
  if (whole.problem().error != Error::storage_damaged) return whole;
  report.damage_kind = begin ? Damage::records : Damage::hole;
  report.damage = whole.problem();
  return Done{};
}

Result<LogReport> not_begun(const Problem& problem) {
  if (problem.error != Error::storage_damaged) return problem;
  LogReport report;
  report.damage = problem;
  return report;
}

}  // namespace

Result<LogReport> inspect_log(const PartitionPlace& place, Depth depth, Disk& disk) {
  auto durable = durable_by_checkpoints(disk, place);  // before the log, which a server may be writing
  if (!durable) return durable.problem();
  auto walker = LogWalker::at_start(disk, place);
  if (!walker) return not_begun(walker.problem());
  const Lsn first = walker->end().lsn;
  auto report = Inspection(std::move(*walker), place, depth, *durable).run();
  if (report && !report->damage) TRY_DONE(look_at_begin(place, first, disk, *report));
  return report;
}

Result<LogReport> inspect_segment(const PartitionPlace& place, const SegmentCheck& check, Disk& disk) {
  auto walker = LogWalker::in_segment(disk, place, check.segment, check.alone);
  if (!walker) return not_begun(walker.problem());
  Inspection inspection(std::move(*walker), place, Depth::records, check.durable_bound);
  inspection.only_one(check.may_go_on);
  return inspection.run();
}

}  // namespace headrace
