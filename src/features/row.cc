// Folding one event into one row: its program over the accumulators, then its place among the points.
#include "src/features/row.h"

#include "src/base/check.h"
#include "src/features/bits.h"
#include "src/features/points.h"
#include "src/features/sketch.h"

namespace headrace::features {
namespace {

void take_min(char* at, double value) {
  if (!(load<double>(at) <= value)) store(at, value);  // also over NaN
}

void take_max(char* at, double value) {
  if (!(load<double>(at) >= value)) store(at, value);
}

// Of several values at one time the smallest is first and the largest last, so that arrival does not matter.
void take_first(char* at, Micros time, double value) {
  auto held_time = load<Micros>(at);
  if (std::isnan(load<double>(at + 8)) || time < held_time) {
    store(at, time);
    store(at + 8, value);
  } else if (time == held_time) {
    take_min(at + 8, value);
  }
}

void take_last(char* at, Micros time, double value) {
  auto held_time = load<Micros>(at);
  if (std::isnan(load<double>(at + 8)) || time > held_time) {
    store(at, time);
    store(at + 8, value);
  } else if (time == held_time) {
    take_max(at + 8, value);
  }
}

void take_latest(char* at, Micros time) {
  if (time > load<Micros>(at)) store(at, time);
}

void take_distinct(const KindPlan& plan, uint16_t offset, uint64_t hash, RowHead& head, std::string& row) {
  if (hash == 0) return;
  size_t begin = plan.blank.size();
  for (uint16_t sketch : plan.sketches) {
    if (sketch == offset) break;
    begin += load<SketchHead>(row.data() + sketch).bytes;
  }
  auto sketch = load<SketchHead>(row.data() + offset);
  uint32_t bytes = sketch.bytes;
  sketch_add(hash, begin, sketch, row);
  store(row.data() + offset, sketch);
  head.points_offset += sketch.bytes - bytes;
}

void take_value(const Op& op, double value, bool minus, Micros time, char* at) {
  switch (op.step) {
    case Step::sum:
      return add<Wide>(at, minus ? -millionths(value) : millionths(value));
    case Step::present:
      return add<int64_t>(at, 1);
    case Step::min:
      return take_min(at, value);
    case Step::max:
      return take_max(at, value);
    case Step::first:
      return take_first(at, time, value);
    case Step::last:
      return take_last(at, time, value);
    default:
      CHECK(false);
  }
}

void run(const KindPlan& plan, const Observation& seen, RowHead& head, std::string& row) {
  for (const Op& op : plan.programs[seen.type_code]) {
    bool plus = seen.matched & op.plus;
    if (!plus && !(seen.matched & op.minus)) continue;
    char* at = row.data() + op.offset;
    if (op.step == Step::count) {
      add<int64_t>(at, plus ? 1 : -1);
    } else if (op.step == Step::latest) {
      take_latest(at, seen.time);
    } else if (op.step == Step::distinct) {
      take_distinct(plan, op.offset, seen.identity[op.a], head, row);
    } else {
      double value = product(seen.number[op.a], seen.number[op.b]);
      if (is_value(value)) take_value(op, value, !plus, seen.time, at);
    }
  }
}

// Room for the first events of an entity, so that most rows are one allocation.
void begin_row(const KindPlan& plan, std::string& row) {
  row.reserve(plan.blank.size() + 64 * plan.sketches.size() + 4 * plan.point_bytes());
  row = plan.blank;
}

}  // namespace

void prefetch_row(const KindPlan& plan, const std::string& row) {
  if (row.empty()) return;
  for (size_t at = 0; at < plan.blank.size() + 64; at += 64) __builtin_prefetch(row.data() + at, 1);
  __builtin_prefetch(row.data() + row.size(), 1);
}

void fold_row(const KindPlan& plan, const Observation& seen, std::string& row) {
  if (row.empty()) begin_row(plan, row);
  auto head = load<RowHead>(row.data());
  CHECK(head.version == row_version && head.layout == load<RowHead>(plan.blank.data()).layout);
  run(plan, seen, head, row);
  if (head.events == 0 || seen.time < head.first_time) head.first_time = seen.time;
  if (plan.keeps_points) {
    place_point(plan, seen, head, row);
  } else {
    head.last_time = std::max(head.last_time, seen.time);
  }
  ++head.events;
  store(row.data(), head);
}

}  // namespace headrace::features
