// What every loop has counted, gathered by asking each: nothing mutable is shared between loops.
#pragma once

#include <vector>

#include "routes/kit/app.h"
#include "src/runtime/task.h"

namespace headrace {

struct ShardSnapshot {
  uint32_t partition = 0;
  ShardStats stats;
  Predictions::Stats predictions;
  KeeperStats keeper;
  BackfillProgress backfill;
};

// Of one loop, or of all of them merged.
struct Snapshot {
  std::vector<RouteStats> routes;
  HttpCounters http;
  uint64_t intake_refused = 0;
  DurationStats intake;
  std::vector<ShardSnapshot> shards;  // sorted by partition

  Snapshot& operator+=(const Snapshot& other);
};

Task<Result<Snapshot>> take_snapshot(App& app);

}  // namespace headrace
