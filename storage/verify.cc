// Walking the log and keeping count.
#include "storage/verify.h"

#include <algorithm>

#include "storage/log_walker.h"

namespace headrace {
namespace {

class Inspection {
 public:
  Inspection(LogWalker walker, Depth depth) : walker_(std::move(walker)), depth_(depth) {}

  Result<LogReport> run() {
    begin_segment();
    while (true) {
      auto found = walker_.next(depth_ == Depth::records);
      if (!found) return stopped(found.problem());
      if (!*found) break;
      if (walker_.batch().segment != report_.segments.back().segment) begin_segment();
      count_batch();
      if (depth_ != Depth::records) continue;
      if (auto done = count_records(); !done) return stopped(done.problem());
    }
    if (walker_.end().segment != report_.segments.back().segment) begin_segment();
    return look_behind_the_end();
  }

 private:
  Result<LogReport> stopped(const Problem& problem) {
    if (problem.error != Error::storage_damaged) return problem;
    report_.damage = problem;
    return std::move(report_);
  }

  void begin_segment() {
    SegmentReader& reader = walker_.reader();
    SegmentReport segment;
    segment.path = reader.path();
    segment.segment = reader.header().segment;
    segment.first_lsn = reader.header().first_lsn;
    segment.last_lsn = segment.first_lsn - 1;
    segment.bytes_used = segment_header_bytes;
    segment.file_bytes = reader.file_bytes();
    report_.segments.push_back(segment);
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
    auto records = walker_.records();
    if (!records) return records.problem();
    const BatchHeader& batch = walker_.batch();
    RecordCursor cursor(*records, batch.first_lsn, batch.count, batch.base_time);
    RecordView record;
    while (!cursor.at_end()) {
      TRY_DONE(cursor.next(record));
      ++report_.records_by_kind[static_cast<size_t>(record.kind)];
    }
    return Done{};
  }

  Result<LogReport> look_behind_the_end() {
    const LogPosition end = walker_.end();
    SegmentReader& reader = walker_.reader();
    const char* why = reader.why_not();
    auto behind = reader.find_behind(end.offset, end.lsn);
    if (!behind) return behind.problem();
    Lsn durable = walker_.durable_bound();
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
  Depth depth_;
  LogReport report_;
};

}  // namespace

Result<LogReport> inspect_log(const PartitionPlace& place, Depth depth, Disk& disk) {
  auto walker = LogWalker::at_start(disk, place);
  if (!walker) {
    if (walker.problem().error != Error::storage_damaged) return walker.problem();
    LogReport report;
    report.damage = walker.problem();
    return report;
  }
  return Inspection(std::move(*walker), depth).run();
}

}  // namespace headrace
