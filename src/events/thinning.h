// What retention and erasure leave out of segments, as visitors of a rewrite (storage/segment_rewriter.h).
#pragma once

#include "src/events/erasure_order.h"
#include "storage/retention.h"
#include "storage/segment_rewriter.h"

namespace headrace {

// Leaves out events of types that have expired, and folds of such events. Documents and orders stay.
RecordVisitor without_expired(const Expired& expired);

struct ErasureCounts {
  uint64_t events = 0, redacted = 0, folds = 0, documents = 0;

  uint64_t all() const { return events + redacted + folds + documents; }
  ErasureCounts& operator+=(const ErasureCounts& other);
};

// Leaves out what is the person's, and their id out of what is not, up to record `through`. `order` and
// `counts` must outlive it.
RecordVisitor without_person(const ErasureOrder& order, Lsn through, ErasureCounts& counts);

}  // namespace headrace
