// One pass over each log, then cutting until every fold's event is there.
#include "src/events/consistent_cut.h"

#include <algorithm>

#include "codec/varint.h"
#include "src/features/fold_payload.h"
#include "storage/log_reader.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

// The newest event of a source that a record tells of. Both ascend.
struct Told {
  Lsn at, event;
};

struct LogView {
  Lsn last = 0;                          // in the log, and not later than the time wanted
  std::vector<std::vector<Told>> from;   // by source
};

Result<LogView> read_log(const PartitionPlace& place, size_t partitions, std::optional<Micros> until,
                         const features::Plan& plan) {
  auto start = LogWalker::at_start(system_disk(), place);
  if (!start.ok()) return start.problem();
  auto reader = LogReader::open(place);
  if (!reader.ok()) return reader.problem();
  LogView view;
  view.last = start->end().lsn - 1;
  view.from.resize(partitions);
  RecordView record;
  while (true) {
    Result<bool> more = reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more || (until && record.time > *until)) return view;
    view.last = record.lsn;
    if (record.kind != Kind::fold) continue;
    Taker taker(record.payload);
    (void)taker.fixed<uint8_t>();
    uint64_t source = taker.varint();
    features::FoldReader folds(plan, taker.rest());
    features::Fold fold;
    Lsn event = 0;
    while (folds.next(fold)) event = std::max(event, fold.source_lsn());
    if (taker.failed() || folds.failed() || source >= partitions)
      return Problem{Error::storage_damaged, place.log(), "The fold at LSN " + std::to_string(record.lsn) + " does not parse"};
    view.from[source].push_back({record.lsn, event});
  }
}

// Before the first record of `told` that knows more of its source than stays there.
Lsn before_unknown(const std::vector<Told>& told, Lsn source_last, Lsn last) {
  auto first = std::ranges::upper_bound(told, source_last, {}, &Told::event);
  return first == told.end() ? last : std::min(last, first->at - 1);
}

void settle(const std::vector<LogView>& logs, std::vector<uint64_t>& last) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t target = 0; target < logs.size(); ++target)
      for (size_t source = 0; source < logs.size(); ++source) {
        Lsn cut = before_unknown(logs[target].from[source], last[source], last[target]);
        changed = changed || cut < last[target];
        last[target] = cut;
      }
  }
}

Result<std::optional<Micros>> time_behind(const PartitionPlace& place, Lsn last) {
  auto reader = LogReader::open(place, last + 1);
  if (!reader.ok()) return reader.problem();
  RecordView record;
  Result<bool> more = reader->next(record);
  if (!more.ok()) return more.problem();
  return *more ? std::optional(record.time) : std::nullopt;
}

}  // namespace

Result<Cut> consistent_cut(const std::vector<PartitionPlace>& places, const WantedCut& wanted,
                           const features::Plan& plan) {
  std::vector<LogView> logs;
  Cut cut;
  for (size_t p = 0; p < places.size(); ++p) {
    auto log = read_log(places[p], places.size(), wanted.time, plan);
    if (!log.ok()) return log.problem();
    if (wanted.last[p] && *wanted.last[p] > log->last)
      return Problem{Error::invalid_input, "lsn",
                     "partition " + std::to_string(p) + " ends at LSN " + std::to_string(log->last)};
    cut.last.push_back(wanted.last[p].value_or(log->last));
    logs.push_back(std::move(*log));
  }
  settle(logs, cut.last);
  for (size_t p = 0; p < places.size(); ++p) {
    if (wanted.last[p] && cut.last[p] < *wanted.last[p])
      return Problem{Error::invalid_input, "lsn",
                     "partition " + std::to_string(p) + " can only go to LSN " + std::to_string(cut.last[p]) +
                         ": the record behind it tells of an event that is cut off elsewhere"};
    auto time = time_behind(places[p], cut.last[p]);
    if (!time.ok()) return time.problem();
    if (*time && (!cut.first_left_out || **time < *cut.first_left_out)) cut.first_left_out = **time;
  }
  return cut;
}

}  // namespace headrace
