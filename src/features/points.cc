// Keeping the points in order and within bounds, and dwell exact when events come late.
#include "src/features/points.h"

#include <algorithm>
#include <array>

namespace headrace::features {
namespace {

using Point = std::array<char, KindPlan::point_time_bytes + sizeof(uint64_t) + 8 * limits::feature_definitions_max>;

void fill(const KindPlan& plan, const Observation& seen, char* at) {
  store(at, seen.time);  // its low bytes, the others are written over
  at += KindPlan::point_time_bytes;
  store(at, packed(plan, seen.matched));
  at += plan.point_mask_bytes();
  for (const PointValue& value : plan.point_values) {
    if (value.identity) {
      store(at, seen.identity[value.a]);
    } else {
      store(at, product(seen.number[value.a], seen.number[value.b]));
    }
    at += 8;
  }
}

// What a point of this time and these clauses leaves in the head when it goes.
void drop(const KindPlan& plan, Micros time, uint64_t packed_clauses, RowHead& head) {
  if (time < head.dropped_until) return;
  head.dropped_matched = (time == head.dropped_until ? head.dropped_matched : 0) | unpacked(plan, packed_clauses);
  head.dropped_until = time;
}

size_t live_bytes(const RowHead& head, const RowBytes& row, size_t stride) {
  return row.size() - head.points_offset - head.points_dead * stride;
}

// Cuts dead points off once they are as many as the live ones, or many: each event pays for a few bytes only.
void cut_dead(RowBytes& row, size_t stride) {
  constexpr size_t many = 64;
  RowHead& head = head_of(row);
  const size_t dead = head.points_dead * stride;
  if (dead == 0 || (head.points_dead < many && dead < live_bytes(head, row, stride))) return;
  row.erase(head.points_offset, dead);
  head.points_dead = 0;
}

void forget_oldest(const KindPlan& plan, const Points& points, size_t count, RowHead& head) {
  for (size_t i = 0; i < count; ++i) drop(plan, points.time(i), points.packed_clauses(i), head);
  head.points_dead += static_cast<uint32_t>(count);
}

// Before `newest` is the newest time: points are told by the one before it. A glance at the head mostly rules them out.
void forget_old(const KindPlan& plan, Micros newest, RowBytes& row) {
  RowHead& head = head_of(row);
  const Micros until = newest - limits::feature_horizon_us;
  if (head.first_time > until) return;
  Points points(plan, head, row);
  forget_oldest(plan, points, points.after(until), head);
}

void forget_surplus(const KindPlan& plan, RowBytes& row) {
  RowHead& head = head_of(row);
  const size_t stride = plan.point_bytes();
  if (live_bytes(head, row, stride) <= limits::feature_points_max * stride) return;  // no division for most
  Points points(plan, head, row);
  forget_oldest(plan, points, points.count() - limits::feature_points_max, head);
}

// Time first; what follows only has to be some order, so that which points are kept does not depend on arrival.
bool is_before(Micros time, const char* point, const Points& points, size_t i, size_t stride) {
  Micros other = points.time(i);
  if (time != other) return time < other;
  constexpr size_t rest = KindPlan::point_time_bytes;
  return std::memcmp(point + rest, points.at(i) + rest, stride - rest) < 0;
}

// Among the points where it belongs by its time, unless that is before all that are kept.
void insert(const KindPlan& plan, const Observation& seen, RowBytes& row) {
  RowHead& head = head_of(row);
  const size_t stride = plan.point_bytes();
  Points points(plan, head, row);
  Point point;
  fill(plan, seen, point.data());
  size_t at = points.count();
  bool too_old = seen.time <= head.last_time - limits::feature_horizon_us;
  while (!too_old && at > 0 && is_before(seen.time, point.data(), points, at - 1, stride)) --at;
  if (too_old || (points.count() == limits::feature_points_max && at == 0))
    return drop(plan, seen.time, packed(plan, seen.matched), head);
  row.insert(head.points_offset + (head.points_dead + at) * stride, {point.data(), stride});
}

void append(const KindPlan& plan, const Observation& seen, RowBytes& row) {
  Point point;
  fill(plan, seen, point.data());
  row.append({point.data(), plan.point_bytes()});
}

Micros capped(Micros gap) { return std::min(gap, limits::dwell_gap_max_us); }

// All events of one time, seen as one.
struct Instant {
  Micros time = never;
  uint64_t matched = 0;
};

Instant instant_at(const KindPlan& plan, const Points& points, size_t end, const RowHead& head, Micros time) {
  uint64_t bits = 0;
  for (size_t i = end; i > 0 && points.time(i - 1) == time; --i) bits |= points.packed_clauses(i - 1);
  return {time, unpacked(plan, bits) | (time == head.dropped_until ? head.dropped_matched : 0)};
}

// The newest instant took until now.
void end_dwell(const KindPlan& plan, Micros now, const RowHead& head, char* row) {
  Micros gap = capped(now - head.last_time);
  for (const Dwell& dwell : plan.dwells) {
    add<int64_t>(row + dwell.offset, head.last_matched & dwell.plus ? gap : 0);
  }
}

// A late event splits the gap it falls into, or joins an instant that is there.
void split_dwell(const KindPlan& plan, const Observation& late, const RowHead& head, RowBytes& row) {
  if (late.time < head.dropped_until) return;  // its neighbours are forgotten
  Points points(plan, head, row);
  size_t next_at = points.after(late.time);
  size_t same_at = points.after(late.time - 1);
  Micros next = next_at < points.count() ? points.time(next_at) : head.last_time;
  bool joins = same_at < next_at || late.time == head.dropped_until;
  Micros before = same_at > 0 ? points.time(same_at - 1) : head.dropped_until;
  Instant previous = joins || before == never ? Instant{} : instant_at(plan, points, same_at, head, before);
  Instant same = joins ? instant_at(plan, points, next_at, head, late.time) : Instant{};
  for (const Dwell& dwell : plan.dwells) {
    Micros change = 0;
    if (previous.matched & dwell.plus) change += capped(late.time - before) - capped(next - before);
    if ((late.matched & dwell.plus) && !(same.matched & dwell.plus)) change += capped(next - late.time);
    add<int64_t>(row.data() + dwell.offset, change);
  }
}

}  // namespace

size_t Points::after(Micros time) const {
  size_t low = 0, high = count_;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (this->time(middle) <= time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void place_point(const KindPlan& plan, const Observation& seen, RowBytes& row) {
  RowHead& head = head_of(row);
  bool first = head.events++ == 0;
  if (first || seen.time < head.first_time) head.first_time = seen.time;
  if (!plan.keeps_points) {
    head.last_time = std::max(head.last_time, seen.time);
    return;
  }
  if (seen.time > head.last_time) {
    if (!first) end_dwell(plan, seen.time, head, row.data());
    forget_old(plan, seen.time, row);
    head.last_time = seen.time;
    head.last_matched = seen.matched;
    append(plan, seen, row);
  } else {
    if (seen.time < head.last_time)
      split_dwell(plan, seen, head, row);
    else
      head.last_matched |= seen.matched;
    insert(plan, seen, row);
  }
  forget_surplus(plan, row);
  cut_dead(row, plan.point_bytes());
}

}  // namespace headrace::features
