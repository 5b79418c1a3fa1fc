// From the log to an answer.
#include "routes/events/stored_event.h"

#include "codec/scoped_key.h"

namespace headrace {

StoredEvent stored(FoundEvent& found) {
  StoredEvent out;
  out.event_id = key_in(found.id), out.event_type = std::move(found.type);
  out.timestamp = {found.time, false};
  out.data.text = std::move(found.data);
  out.metadata = {
      std::move(found.source), {found.ingested, false}, found.partition, static_cast<int64_t>(found.lsn), {}};
  if (auto tenant = tenant_in(found.id); !tenant.empty()) out.metadata.tenant = tenant;
  return out;
}

}  // namespace headrace
