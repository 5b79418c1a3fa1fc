// An event as answers show it.
#pragma once

#include <string>

#include "codec/json.h"
#include "src/events/query.h"

namespace headrace {

struct EventMetadata {
  std::string source;
  Timestamp ingestion_time;
  int64_t partition = 0, offset = 0;
  std::optional<std::string> tenant;
  static constexpr auto shape() {
    return std::tuple{field("source", &EventMetadata::source, "Who produced it"),
                      field("ingestion_time", &EventMetadata::ingestion_time, "When it was taken in"),
                      field("partition", &EventMetadata::partition, "Where it is logged"),
                      field("offset", &EventMetadata::offset, "Its log sequence number there"),
                      field("tenant", &EventMetadata::tenant, "Whose credential brought it; absent: the platform's")};
  }
};

struct StoredEvent {
  std::string event_id, event_type;
  Timestamp timestamp;
  RawJson data;
  EventMetadata metadata;
  static constexpr auto shape() {
    return std::tuple{field("event_id", &StoredEvent::event_id, "Its id"),
                      field("event_type", &StoredEvent::event_type, "Its type"),
                      field("timestamp", &StoredEvent::timestamp, "When it happened, UTC"),
                      field("data", &StoredEvent::data, "What its producer sent"),
                      field("metadata", &StoredEvent::metadata, "What the server knows of it")};
  }
};

// Takes what was found apart.
StoredEvent stored(FoundEvent& found);

}  // namespace headrace
