// Merges the logs and writes each record where it now belongs.
#include "src/events/repartition.h"

#include <string>

#include "storage/log_reader.h"
#include "storage/put_payload.h"
#include "storage/verify.h"

namespace headrace {
namespace {

constexpr uint64_t observe_records = 4096;

// The log of one old partition and its next record.
class OldPartition {
 public:
  explicit OldPartition(LogReader reader) : reader_(std::move(reader)) {}
  Result<> advance() {
    Result<bool> more = reader_.next(record_);
    if (!more.ok()) return more.problem();
    ended_ = !*more;
    return Done{};
  }
  bool ended() const { return ended_; }
  const RecordView& record() const { return record_; }

 private:
  LogReader reader_;
  RecordView record_;
  bool ended_ = false;
};

class Repartition {
 public:
  Repartition(const DataDirectory& from, Lockstep& into) : from_(from), into_(into) {}

  Result<RepartitionReport> run(const std::function<void(const RepartitionReport&)>& observe) {
    for (uint32_t p = 0; p < from_.partitions(); ++p) TRY_DONE(open(p));
    while (OldPartition* source = earliest()) {
      TRY_DONE(write(source->record()));
      if (++report_.records_read % observe_records == 0) observe(report_);
      TRY_DONE(source->advance());
    }
    TRY_DONE(into_.exchange());
    report_.folds = into_.folds();
    return report_;
  }

 private:
  Result<> open(uint32_t partition);
  OldPartition* earliest();
  Result<> write(const RecordView& record);
  Result<> write_event(const RecordView& record);
  Result<> write_document(const RecordView& record);

  const DataDirectory& from_;
  Lockstep& into_;
  std::vector<OldPartition> sources_;
  RepartitionReport report_;
};

Result<> Repartition::open(uint32_t partition) {
  const PartitionPlace place = from_.place(partition);
  auto about = inspect_log(place, Depth::headers);
  if (!about.ok()) return about.problem();
  if (about->damage) return *about->damage;
  if (!about->segments.empty() && about->segments.front().first_lsn != 1)
    return Problem(Error::not_supported, place.log(),
                   "The log begins at LSN " + std::to_string(about->segments.front().first_lsn) +
                       ": what came before is only in the state, which knows no events");
  for (auto& segment : about->segments) report_.records += segment.records;
  auto reader = LogReader::open(place);
  if (!reader.ok()) return reader.problem();
  return sources_.emplace_back(std::move(*reader)).advance();
}

OldPartition* Repartition::earliest() {
  OldPartition* best = nullptr;
  for (OldPartition& source : sources_)
    if (!source.ended() && (best == nullptr || source.record().time < best->record().time)) best = &source;
  return best;
}

// Folds and marks of the old partitions mean nothing to the new ones.
Result<> Repartition::write(const RecordView& record) {
  if (record.kind == Kind::event) return write_event(record);
  if (record.kind == Kind::put || record.kind == Kind::erase) return write_document(record);
  return Done{};
}

Result<> Repartition::write_event(const RecordView& record) {
  auto event = decode_event(record.payload);
  if (!event.ok()) return event.problem();
  ++report_.events;
  return into_.event(record.time, record.version, *event, record.payload);
}

Result<> Repartition::write_document(const RecordView& record) {
  auto payload = parse_put_payload(record.payload);
  if (!payload) return Problem(Error::storage_damaged, "The record at LSN " + std::to_string(record.lsn) + " is no document");
  Change change;
  if (record.kind == Kind::put) change.put(payload->table, record.key, payload->value, record.version);
  if (record.kind == Kind::erase) change.erase(payload->table, record.key);
  ++report_.documents;
  return into_.change(record.time, change);
}

}  // namespace

Result<RepartitionReport> repartition(const DataDirectory& from, const DataDirectory& into,
                                      std::shared_ptr<const features::Plan> plan, const LockstepOptions& options,
                                      const std::function<void(const RepartitionReport&)>& observe) {
  CHECK(into.created_now());
  auto writers = Lockstep::open(into, std::move(plan), options);
  if (!writers.ok()) return writers.problem();
  auto report = Repartition(from, **writers).run(observe);
  if (!report.ok()) return report.problem();
  TRY_DONE((*writers)->close());
  return report;
}

}  // namespace headrace
