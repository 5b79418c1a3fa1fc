// Keeping the points in order and within bounds, and dwell exact when events come late.
#include "src/features/points.h"

#include <algorithm>
#include <array>

namespace headrace::features {
namespace {

using Point = std::array<char, 16 + 8 * limits::feature_definitions_max>;

void fill(const KindPlan& plan, const Observation& seen, char* at) {
  store(at, seen.time);
  store(at + 8, seen.matched);
  for (const PointValue& value : plan.point_values) {
    at += 8;
    if (value.identity) {
      store(at + 8, seen.identity[value.a]);
    } else {
      store(at + 8, product(seen.number[value.a], seen.number[value.b]));
    }
  }
}

// Time first; what follows only has to be some order, so that which points are kept does not depend on
// arrival.
bool is_before(const char* a, const char* b, size_t stride) {
  auto time_a = load<Micros>(a), time_b = load<Micros>(b);
  if (time_a != time_b) return time_a < time_b;
  for (size_t i = 8; i < stride; i += 8) {
    auto bits_a = load<uint64_t>(a + i), bits_b = load<uint64_t>(b + i);
    if (bits_a != bits_b) return bits_a < bits_b;
  }
  return false;
}

void drop(const char* point, RowHead& head) {
  auto time = load<Micros>(point);
  if (time < head.dropped_until) return;
  head.dropped_matched = (time == head.dropped_until ? head.dropped_matched : 0) | load<uint64_t>(point + 8);
  head.dropped_until = time;
}

size_t begin_of(const RowHead& head, size_t stride) { return head.points_offset + head.points_dead * stride; }

// Cuts dead points off once they are as many as the live ones, or many: each event pays for a few bytes only.
void cut_dead(RowBytes& row, size_t stride) {
  constexpr size_t many = 64;
  RowHead& head = head_of(row);
  if (head.points_dead < many && head.points_dead * stride < row.size() - begin_of(head, stride)) return;
  row.erase(head.points_offset, head.points_dead * stride);
  head.points_dead = 0;
}

// Forgets the oldest points where they are too many, or too old; which a glance at the head mostly rules out.
void shed(RowBytes& row, size_t stride) {
  RowHead& head = head_of(row);
  Micros until = head.last_time - limits::feature_horizon_us;
  size_t begin = begin_of(head, stride);
  auto too_many = [&] { return row.size() - begin > limits::feature_points_max * stride; };
  auto too_old = [&] {
    return head.first_time <= until && begin < row.size() && load<Micros>(row.data() + begin) <= until;
  };
  for (; too_many() || too_old(); begin += stride) {
    drop(row.data() + begin, head);
    ++head.points_dead;
  }
  if (head.points_dead != 0) cut_dead(row, stride);
}

// Among the points where it belongs by its time, unless that is before all that are kept.
void insert(const KindPlan& plan, const Observation& seen, RowBytes& row) {
  size_t stride = plan.point_bytes();
  RowHead& head = head_of(row);
  Point point;
  fill(plan, seen, point.data());
  size_t begin = begin_of(head, stride);
  size_t at = row.size();
  while (at > begin && is_before(point.data(), row.data() + at - stride, stride)) at -= stride;
  bool full = row.size() - begin == limits::feature_points_max * stride;
  if (seen.time <= head.last_time - limits::feature_horizon_us || (full && at == begin)) {
    return drop(point.data(), head);
  }
  row.insert(at, {point.data(), stride});
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

Instant instant_at(const Points& points, size_t end, const RowHead& head, Micros time) {
  Instant instant{time, time == head.dropped_until ? head.dropped_matched : 0};
  for (size_t i = end; i > 0 && points.time(i - 1) == time; --i) instant.matched |= points.matched(i - 1);
  return instant;
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
  Points points(head, row, plan.point_bytes());
  size_t next_at = points.after(late.time);
  size_t same_at = points.after(late.time - 1);
  Micros next = next_at < points.count() ? points.time(next_at) : head.last_time;
  bool joins = same_at < next_at || late.time == head.dropped_until;
  Micros before = same_at > 0 ? points.time(same_at - 1) : head.dropped_until;
  Instant previous = joins || before == never ? Instant{} : instant_at(points, same_at, head, before);
  Instant same = joins ? instant_at(points, next_at, head, late.time) : Instant{};
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
  shed(row, plan.point_bytes());
}

}  // namespace headrace::features
