// Queries over the log: events that match, in the order in which they were taken in, page by page.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/directory.h"

namespace headrace {

struct EventQuery {
  std::string event_type, user_id, cart_id, session_id;  // empty: any
  std::optional<Micros> start, end;                      // event time, start <= time < end
  size_t limit = 100, offset = 0;
  std::vector<Lsn> from;     // by partition: the first record to look at
  std::vector<Lsn> through;  // by partition: the last one (the durable LSN)
};

// An event found, with its place in the log.
struct FoundEvent {
  std::string id, type, source, data;
  Micros time = 0, ingested = 0;
  uint32_t partition = 0;
  Lsn lsn = 0;
};

struct EventPage {
  std::vector<FoundEvent> events;
  std::vector<Lsn> next;  // by partition: where the next page begins
  bool more = false;      // something was left to look at
  uint64_t records_read = 0;
};

// Merges the partitions by time of ingestion, then by partition: an order that never changes, so a cursor is
// stable. Reads at most limits::query_records_max records. For a worker thread: it reads files.
Result<EventPage> run_query(const DataDirectory& directory, const EventQuery& query);

// A position as text, and back. Empty if the text is none for this number of partitions.
std::string cursor_text(const std::vector<Lsn>& position);
std::optional<std::vector<Lsn>> parse_cursor(std::string_view text, size_t partitions);

}  // namespace headrace
