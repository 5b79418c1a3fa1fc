// From the log to an answer.
#include "routes/events/stored_event.h"

namespace headrace {

StoredEvent stored(FoundEvent& found) {
  StoredEvent out;
  out.event_id = std::move(found.id), out.event_type = std::move(found.type);
  out.timestamp = {found.time, false};
  out.data.text = std::move(found.data);
  out.metadata = {
      std::move(found.source), {found.ingested, false}, found.partition, static_cast<int64_t>(found.lsn)};
  return out;
}

}  // namespace headrace
