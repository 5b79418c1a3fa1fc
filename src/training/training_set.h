// TrainingSet: features as they were at the moments of labels, by the code that serves, in one pass over each
// partition's log in the order of ingestion.
//
// The rule: a sample (entity, moment) sees those records of the entity that stand in its home's log before
// the first one that is later than the moment. Later is measured by the time of ingestion or by the time of
// the event (SampleClock); windows are read as of the moment. Nothing behind that place is ever seen.
//
// Operation: add() samples, or find() them in the log; run(); each(). Reads the log only, so a server may be
// running on it. Lives on: one thread. Limits: limits::training_row_bytes_max; the rest is on disk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/training/columns.h"
#include "src/training/sample_store.h"
#include "storage/directory.h"

namespace headrace {

enum class SampleClock : uint8_t { ingested, event };

// Samples made from the log: one at each event of type `at` that names the entity, just behind it; or at each
// prediction logged for it. Its label says whether `outcome` follows within the horizon.
struct FoundSamples {
  std::string at;  // empty: predictions
  std::string outcome;
  Micros horizon_us = 0;
};

struct TrainingOptions {
  EntityKind kind = EntityKind::cart;
  SampleClock clock = SampleClock::ingested;
  SampleFormat format = SampleFormat::csv;
  std::optional<FoundSamples> found;
  std::string model;    // only predictions of this one are samples; empty: of any
  std::string tenant;   // of the entities; empty: the platform
  std::string scratch;  // a directory to be made, used and removed
};

struct TrainingReport {
  uint64_t records = 0, samples = 0, unknown = 0;  // unknown: of entities that nothing had named by then
  std::optional<Micros> log_end;                   // the latest time in the log, by the clock chosen
  struct LateStart {
    uint32_t partition;
    Lsn lsn;
    Micros time;
  };
  std::vector<LateStart> late_starts;  // of partitions whose log does not begin at LSN 1
};

class TrainingSet {
 public:
  static Result<std::unique_ptr<TrainingSet>> open(const DataDirectory& directory,
                                                   std::shared_ptr<const features::Plan> plan,
                                                   SampleColumns columns, TrainingOptions options);

  // `head`: the text of the row before its features.
  Result<> add(std::string_view entity, Micros moment, std::string_view head);
  Result<TrainingReport> run();
  Result<> each(const std::function<Result<>(const SampleStore::Row&)>& visit) { return store_->each(visit); }

 private:
  TrainingSet(const DataDirectory& directory, std::shared_ptr<const features::Plan> plan,
              SampleColumns columns, TrainingOptions options);
  Result<> run_partition(uint32_t partition);

  const DataDirectory& directory_;
  std::shared_ptr<const features::Plan> plan_;
  SampleColumns columns_;
  TrainingOptions options_;
  std::unique_ptr<SampleStore> store_;
  TrainingReport report_;
};

// The text of a row before its label and features.
void append_sample_head(std::string_view entity, Micros moment, SampleFormat format, std::string& out);

}  // namespace headrace
