// Queries over the log: events that match, in the order in which they were taken in, page by page.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "storage/directory.h"
#include "storage/event_filter.h"
#include "storage/raw_index.h"

namespace headrace {

struct EventQuery {
  EventFilter filter;
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

// Records that were lost, as somebody signed (storage/hole.h).
struct PageHole {
  uint32_t partition = 0;
  Lsn first = 0, last = 0;
};

struct EventPage {
  std::vector<FoundEvent> events;
  std::vector<PageHole> holes;  // among the records of this page: what was in them may have matched
  std::vector<Lsn> next;  // by partition: where the next page begins
  bool more = false;      // something was left to look at
  uint64_t records_read = 0;
  uint64_t frames_read = 0, frames_seen = 0;  // frames of rewritten segments, batches of the others
};

// Merges the partitions by time of ingestion, then by partition: an order that never changes, so a cursor is
// stable. Reads at most limits::query_records_max records. For a worker thread: it reads files.
// `raw`: by partition, or empty.
using RawIndexSet = std::vector<std::unique_ptr<RawIndexes>>;
Result<EventPage> run_query(const DataDirectory& directory, const EventQuery& query,
                            const RawIndexSet& raw = {});

// A position as text, and back. Empty if the text is none for this number of partitions.
std::string cursor_text(const std::vector<Lsn>& position);
std::optional<std::vector<Lsn>> parse_cursor(std::string_view text, size_t partitions);

}  // namespace headrace
