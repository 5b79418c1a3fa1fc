// One reader per partition, kept between readings.
#include "src/events/event_tail.h"

#include <algorithm>

#include "src/base/limits.h"

namespace headrace {

EventTail::EventTail(const DataDirectory& directory, const RawIndexSet& raw, EventFilter filter, std::vector<Lsn> position)
    : directory_(directory),
      raw_(raw),
      filter_(std::move(filter)),
      position_(std::move(position)),
      sources_(position_.size()) {}

bool EventTail::behind(const std::vector<Lsn>& through) const {
  for (size_t p = 0; p < position_.size(); ++p)
    if (position_[p] <= through[p]) return true;
  return false;
}

Result<EventPage> EventTail::read(const std::vector<Lsn>& through) {
  EventPage page;
  bytes_ = records_ = 0;
  auto count = static_cast<uint32_t>(position_.size());
  for (uint32_t turn = 0; turn < count && !page.more; ++turn) {
    uint32_t partition = (first_ + turn) % count;
    if (position_[partition] > through[partition]) continue;
    TRY_DONE(read_partition(partition, through[partition], page));
  }
  first_ = (first_ + 1) % count;
  page.next = position_;
  page.records_read = records_;
  return page;
}

// A reader holds on to the segment it is in, which may have been rewritten without what was erased.
Result<> EventTail::open(uint32_t partition, Lsn through) {
  Source& source = sources_[partition];
  Micros now = system_clock().monotonic();
  if (source.reader && now - source.opened < limits::tail_reader_us_max) {
    source.reader->extend(through);
    return Done{};
  }
  auto reader = LogReader::open(directory_.place(partition), position_[partition], through, filter_,
                                raw_.empty() ? nullptr : raw_[partition].get());
  if (!reader.ok()) return reader.problem();
  source.reader.emplace(std::move(*reader));
  source.opened = now;
  return Done{};
}

Result<> EventTail::read_partition(uint32_t partition, Lsn through, EventPage& page) {
  TRY_DONE(open(partition, through));
  Lsn& position = position_[partition];
  RecordView record;
  while (true) {
    bool full = page.events.size() >= limits::tail_events_max || bytes_ >= limits::tail_bytes_max ||
                records_ >= limits::tail_records_max;
    if (full) {
      page.more = true;
      return Done{};
    }
    Result<bool> found = sources_[partition].reader->next(record);
    if (!found.ok()) return found.problem();
    if (!*found) break;
    ++records_;
    position = record.lsn + 1;
    if (record.kind != Kind::event) continue;
    auto event = decode_event(record.payload);
    if (!event.ok()) return event.problem();
    if (!filter_.matches(*event)) continue;
    bytes_ += record.payload.size();
    page.events.push_back({std::string(event->id), std::string(event->type), std::string(event->source),
                           std::string(event->data), event->time, record.time, partition, record.lsn});
  }
  position = std::max(position, through + 1);
  return Done{};
}

}  // namespace headrace
