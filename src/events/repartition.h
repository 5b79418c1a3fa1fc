// Repartition: the records of one data directory, written into another with a different number of partitions.
//
// What order: each partition's records in the order of its log, partitions merged by time of ingestion, then by
// number: the order of GET /api/events (docs/decisions/0002). Every event goes to the home of its key with its id and its time of
// ingestion; documents to the control partition; folds are made anew for the new homes, so those of the old log
// are left out. Features end as they were, but where events of one entity from different partitions raced
// each other: there the old log had the order in which they arrived, the new one that of their times.
#pragma once

#include <functional>
#include <memory>

#include "src/events/lockstep.h"

namespace headrace {

struct RepartitionReport {
  uint64_t records = 0, records_read = 0;  // in the old log; of these, so far
  uint64_t events = 0, documents = 0, folds = 0;  // written; documents: put and erased
};

// `into` must be new. The old log is only read, and must be whole: from LSN 1 on. `observe` is called now and then.
Result<RepartitionReport> repartition(const DataDirectory& from, const DataDirectory& into,
                                      std::shared_ptr<const features::Plan> plan, const LockstepOptions& options,
                                      const std::function<void(const RepartitionReport&)>& observe);

}  // namespace headrace
