// Intake: events from any loop to their home partitions, answered when durable there and folded everywhere.
#pragma once

#include <string>
#include <vector>

#include "codec/event_json.h"
#include "src/events/event_batches.h"
#include "src/events/shards.h"

namespace headrace {

// Gives an event what its producer left out: an id ("evt_" and 20 characters), the time of arrival, the
// default source and empty data; and its id and the entities it names the scope of `tenant`, whose credential brought it
// (codec/scoped_key.h; empty: the platform). Problem where it names a source that only the server may.
Result<> complete(EventBatch& batch, EventBatch::Entry& entry, std::string_view tenant, Micros now);

// Logs the first event of `batch`, which goes back as soon as it stands in the log: thousands may wait there for the disk.
Task<Result<Appended>> ingest(Shards& shards, EventBatches::Lease batch, Micros now);

// The verdict on one event of a batch: where it stands in the log, or the problem.
struct Verdict {
  Appended appended;
  int problem = -1;  // index into the problems beside it, or -1
};

struct IngestedBatch {
  std::vector<Verdict> verdicts;  // in the order of the batch
  std::vector<Problem> problems;
  size_t accepted = 0;  // new and duplicate ones

  void refuse(Verdict& verdict, const Problem& problem);
};

// Completes and logs all valid events of `batch`, split by home. `tenant` must live until the task ends.
Task<IngestedBatch> ingest_all(Shards& shards, EventBatch& batch, std::string_view tenant, Micros now);

}  // namespace headrace
