// Folding one event into one row: its program over the accumulators, then its place among the points.
#include "src/features/row.h"

#include <bit>

#include "src/base/check.h"
#include "src/base/prefetch.h"
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

// What comes most often is done without a branch: counting, and remembering the latest time.
void run_fixed(const Program& program, const Observation& seen, char* row) {
  for (const Op& op : program.counts) {
    int64_t plus = (seen.matched & op.plus) != 0, minus = (seen.matched & op.minus) != 0;
    add<int64_t>(row + op.offset, plus - (minus & ~plus));
  }
  for (const Op& op : program.latests) {
    Micros time = seen.matched & op.plus ? seen.time : never;
    store(row + op.offset, std::max(load<Micros>(row + op.offset), time));
  }
}

void run_values(const Program& program, const Observation& seen, char* row) {
  for (const Op& op : program.values) {
    bool plus = seen.matched & op.plus;
    if (!plus && !(seen.matched & op.minus)) continue;
    double value = product(seen.number[op.a], seen.number[op.b]);
    if (is_value(value)) take_value(op, value, !plus, seen.time, row + op.offset);
  }
}

size_t sketch_begin(const KindPlan& plan, uint16_t offset, const RowBytes& row) {
  size_t begin = plan.blank.size();
  for (uint16_t sketch : plan.sketches) {
    if (sketch == offset) break;
    begin += load<SketchHead>(row.data() + sketch).bytes;
  }
  return begin;
}

void take_distinct(const KindPlan& plan, uint16_t offset, uint64_t hash, RowBytes& row) {
  size_t begin = sketch_begin(plan, offset, row);
  auto before = load<SketchHead>(row.data() + offset);
  SketchHead after = sketch_add(hash, begin, before, row);
  store(row.data() + offset, after);
  head_of(row).points_offset += after.bytes - before.bytes;
}

void run_distincts(const KindPlan& plan, const Program& program, const Observation& seen, RowBytes& row) {
  for (const Op& op : program.distincts) {
    uint64_t hash = seen.identity[op.a];
    if (hash != 0 && (seen.matched & op.plus)) take_distinct(plan, op.offset, hash, row);
  }
}

// Room for the first events of an entity, so that most rows are one allocation.
void begin_row(const KindPlan& plan, RowBytes& row) {
  row.reserve(plan.blank.size() + 64 * plan.sketches.size() + 4 * plan.point_bytes());
  row.assign(plan.blank);
}

}  // namespace

void expect_row(const KindPlan& plan, uint8_t type_code, const RowBytes& row) {
  for (uint32_t lines = plan.programs[type_code].lines; lines != 0; lines &= lines - 1)
    prefetch(row.data() + 64 * std::countr_zero(lines));
  // Where the next point will stand.
  prefetch(row.data() + row.size());
  prefetch(row.data() + row.size() + plan.point_bytes() - 1);
}

void expect_parts(const KindPlan& plan, const Observation& seen, const RowBytes& row) {
  if (row.empty()) return;
  for (const Op& op : plan.programs[seen.type_code].distincts)
    sketch_expect(seen.identity[op.a], sketch_begin(plan, op.offset, row),
                  load<SketchHead>(row.data() + op.offset), row);
}

void fold_row(const KindPlan& plan, const Observation& seen, RowBytes& row) {
  if (row.empty()) begin_row(plan, row);
  CHECK(load<uint64_t>(row.data()) == load<uint64_t>(plan.blank.data()));  // version, kind, layout
  const Program& program = plan.programs[seen.type_code];
  run_distincts(plan, program, seen, row);  // may move the row
  run_fixed(program, seen, row.data());
  run_values(program, seen, row.data());
  place_point(plan, seen, row);
}

}  // namespace headrace::features
