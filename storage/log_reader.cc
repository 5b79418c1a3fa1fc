// Batches from a walker, taken apart into records.
#include "storage/log_reader.h"

#include <algorithm>

#include "storage/log_walker.h"

namespace headrace {

struct LogReader::Reading {
  Reading(LogWalker from_walker, Lsn from_lsn, Lsn through_lsn)
      : walker(std::move(from_walker)), from(from_lsn), through(through_lsn) {}

  LogWalker walker;
  Lsn from, through;
  RecordCursor cursor;

  Result<bool> next_batch();
};

LogReader::LogReader(std::unique_ptr<Reading> reading) : reading_(std::move(reading)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

Result<LogReader> LogReader::open(const PartitionPlace& place, Lsn from, Lsn through, Disk& disk) {
  auto walker = LogWalker::at_segment_of(disk, place, from);
  if (!walker) return walker.problem();
  return LogReader(std::make_unique<Reading>(std::move(*walker), from, through));
}

// Reads on to a batch that holds a record wanted. Those before are only hopped over.
Result<bool> LogReader::Reading::next_batch() {
  while (walker.end().lsn <= through) {
    auto found = walker.next(walker.end().lsn >= from);
    if (!found) return found.problem();
    if (!*found) {
      auto more = walker.refresh();
      if (!more) return more.problem();
      if (*more) continue;
      bool promised = (through != LogReader::unbounded && walker.end().lsn <= through) ||
                      walker.end().lsn <= walker.durable_bound();
      if (!promised) return false;
      Lsn last = through != LogReader::unbounded ? through : walker.durable_bound();
      return damaged_log(walker.reader().path(), walker.end().offset, walker.end().lsn, last,
                         walker.reader().why_not());
    }
    if (walker.batch().last_lsn() < from) continue;
    if (walker.reader().body().empty()) {  // hopped to, and it holds the first one wanted
      auto whole = walker.reader().read(walker.position());
      if (!whole) return whole.problem();
      if (!*whole) {
        return damaged_log(walker.reader().path(), walker.position().offset, walker.position().lsn,
                           walker.end().lsn - 1, walker.reader().why_not());
      }
    }
    auto records = walker.records();
    if (!records) return records.problem();
    const BatchHeader& batch = walker.batch();
    cursor = RecordCursor(*records, batch.first_lsn, batch.count, batch.base_time);
    return true;
  }
  return false;
}

Result<bool> LogReader::next(RecordView& record) {
  while (true) {
    while (!reading_->cursor.at_end()) {
      if (reading_->cursor.next_lsn() > reading_->through) return false;
      TRY_DONE(reading_->cursor.next(record));
      if (record.lsn >= reading_->from) return true;
    }
    auto more = reading_->next_batch();
    if (!more || !*more) return more;
  }
}

}  // namespace headrace
