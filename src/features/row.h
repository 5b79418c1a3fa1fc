// The row of one entity: flat bytes, the same for the same records in the same order, changed in place.
//
//   row   := head accumulators padding sketch* dead* point*      little-endian, no pointers; the padding is zeros up to a
//            multiple of 64 bytes, where there are sketches
//   head  := RowHead, 64 bytes
//   accumulators: at the offsets of the plan, those that most types of events change in front. count, present, latest, dwell: i64. sum: i128 millionths. min,
//   max: f64, NaN
//            before the first. first, last: time:i64 value:f64. distinct: bytes:u32 count:u32 of its sketch
//   point := time:u40 clauses value*8                one per recent event, in order; dead ones wait to be cut off
//   time: its low 40 bits, of 12.7 days; a point is never so much older than the newest event, whose time the head has
//   clauses: a bit for each of KindPlan::point_clauses that the event matched, in whole bytes
//
// Points are the newest limits::feature_points_max events that are younger than the entity's newest event by
// less than limits::feature_horizon_us, in the order of their bytes' meaning (time, clauses, values): which
// ones they are does not depend on the order of arrival. Everything all-time is commutative too;
// docs/features.md states the one exception.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "src/features/observation.h"
#include "src/features/plan.h"
#include "src/features/vector.h"
#include "storage/rows.h"

namespace headrace::features {

inline constexpr uint8_t row_version = 4;
inline constexpr Micros never = INT64_MIN;
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();  // what is not known

struct RowHead {
  uint8_t version = row_version;
  uint8_t kind = 0;
  uint16_t zero = 0;
  uint32_t layout = 0;  // low half of Plan::definition_digest
  Micros first_time = 0;
  Micros last_time = never;
  uint64_t events = 0;
  uint64_t last_matched = 0;     // clauses matched by any event at last_time
  Micros dropped_until = never;  // time of the newest event that is no longer a point
  uint64_t dropped_matched = 0;  // clauses matched by any such event at that time
  uint32_t points_offset = 0;
  uint32_t points_dead = 0;
};
static_assert(sizeof(RowHead) == 64);

// In place: small steps that load and store all of it would wait for each other. Rows are on the heap, so
// aligned.
inline RowHead& head_of(RowBytes& row) { return *reinterpret_cast<RowHead*>(row.data()); }

// Folds one event into `row`, which is empty before the first.
void fold_row(const KindPlan& plan, const Observation& observation, RowBytes& row);

// Asks memory for what fold_row() will touch: first for what every event touches, then, once that may have
// come, for what this one does.
void expect_row(const KindPlan& plan, uint8_t type_code, const RowBytes& row);
void expect_parts(const KindPlan& plan, const Observation& observation, const RowBytes& row);

// The features in `row` at `as_of`, by default at its last event. `row` is not empty.
FeatureVector read_row(const KindPlan& plan, std::string_view row, std::optional<Micros> as_of);

}  // namespace headrace::features
