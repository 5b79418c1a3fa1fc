// Retention: which events are kept for how long, and what of a log is to go next. Pure: it looks at what
// segments say of themselves and at the time, and touches nothing.
//
// Age counts from ingestion. A segment is as old as its youngest record may be, which is when the next one
// began: so no event goes before its time, and each goes at the latest when the segment it stands in is that
// old. Segments are sealed at a fraction of the shortest age (seal_due), which bounds how much later that is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"
#include "src/base/time.h"

namespace headrace {

struct RetentionRule {
  std::string type;   // of events
  Micros age_us = 0;  // 0: for ever
};

struct RetentionPolicy {
  Micros age_us = 0;                 // of events whose type has no rule; 0: for ever
  uint64_t bytes_max = 0;            // of the log of one partition; 0: no limit
  std::vector<RetentionRule> rules = {};  // one per type

  bool empty() const;
  Micros age_of(std::string_view type) const;
  // The age at which nothing is left; nothing where something is kept for ever.
  std::optional<Micros> oldest_age() const;
  std::optional<Micros> youngest_age() const;  // at which something goes; nothing where all is kept for ever
};

// What a segment says of itself, without being read.
struct SegmentSummary {
  uint32_t segment = 0;
  Lsn first_lsn = 0;
  uint64_t bytes = 0;    // of the file
  Micros began_us = 0;   // no record in it was taken in before
  uint64_t thinned = 0;  // Expired::mark() of what was left out of it; 0: nothing was
};

// The types of event that are too old in a segment of this age.
class Expired {
 public:
  Expired(const RetentionPolicy& policy, Micros age_us) : policy_(&policy), age_us_(age_us) {}

  bool has(std::string_view type) const;
  bool any() const;
  bool all() const;
  // The same for the same types, another for others; 0 for none.
  uint64_t mark() const;

 private:
  bool over(Micros limit_us) const { return limit_us > 0 && age_us_ >= limit_us; }
  const RetentionPolicy* policy_;
  Micros age_us_;
};

struct RetentionStep {
  uint32_t segment = 0;
  std::optional<Expired>
      thin;  // leave these out; nothing: the segment, which is the first one, goes as a whole
};

// What is to be done first; nothing where all is well. `segments` are all of a log, ascending; the last one
// is being written and stays. `policy` must outlive the result.
std::optional<RetentionStep> next_step(const RetentionPolicy& policy,
                                       const std::vector<SegmentSummary>& segments, Micros now);

// Whether a segment that began then should be sealed, so that it may age.
bool seal_due(const RetentionPolicy& policy, Micros began_us, Micros now);

}  // namespace headrace
