// EventTail: durable events that match, as they come, read from the log behind its writers.
//
// Events of one partition come in their order, each once; between partitions there is none. A position says for each
// partition where to go on, as that of a query does.
#pragma once

#include <optional>
#include <vector>

#include "src/events/query.h"
#include "storage/log_reader.h"

namespace headrace {

// Operation: read() while behind(). Lives on: one thread at a time, for read() a worker. Limits: limits::tail_*; per
// partition one open segment and one of its batches.
class EventTail {
 public:
  // `position`: by partition, the first record to look at.
  EventTail(const DataDirectory& directory, const RawIndexSet& raw, EventFilter filter, std::vector<Lsn> position);

  // Is there anything up to `through` (by partition, its durable LSN) that was not looked at?
  bool behind(const std::vector<Lsn>& through) const;
  const std::vector<Lsn>& position() const { return position_; }

  // Looks on, up to `through`. more: the limits of one reading were met first.
  Result<EventPage> read(const std::vector<Lsn>& through);

 private:
  struct Source {
    std::optional<LogReader> reader;
    Micros opened = 0;
  };
  Result<> read_partition(uint32_t partition, Lsn through, EventPage& page);
  Result<> open(uint32_t partition, Lsn through);

  const DataDirectory& directory_;
  const RawIndexSet& raw_;
  const EventFilter filter_;
  std::vector<Lsn> position_;
  std::vector<Source> sources_;
  uint32_t first_ = 0;  // partition of the next reading: each has its turn
  size_t bytes_ = 0, records_ = 0;  // of this reading
};

}  // namespace headrace
