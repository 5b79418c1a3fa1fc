// Reading features from a row: accumulators as they stand, windows from the points as of a time.
#include <algorithm>
#include <chrono>
#include <vector>

#include "src/base/check.h"
#include "src/features/bits.h"
#include "src/features/points.h"
#include "src/features/row.h"
#include "src/features/sketch.h"

namespace headrace::features {
namespace {

double seconds_of(Micros time) { return static_cast<double>(time) / 1e6; }

// The points of one window: indices [begin, end), and the time it covers.
struct Range {
  size_t begin = 0, end = 0;
  Micros since = 0;  // events later than this are in it
  bool truncated = false;
};

struct Reader {
  const KindPlan& plan;
  std::string_view row;
  RowHead head;
  Points points;
  Micros as_of;
  std::array<Range, window_kinds> ranges{};

  Micros silence(Micros latest) const { return std::max<Micros>(0, as_of - latest); }
  double per_minute(double events, Micros time) const {
    return events * 60 / seconds_of(std::max<Micros>(time, minute_us));
  }
};

constexpr Micros width_of(Window window) {
  switch (window) {
    case Window::five_minutes:
      return 5 * minute_us;
    case Window::hour:
      return hour_us;
    case Window::day:
      return day_us;
    default:
      return 7 * day_us;
  }
}
static_assert(width_of(Window::week) <= limits::feature_horizon_us);

Range sliding(const Reader& reader, Window window) {
  Range range;
  range.since = reader.as_of - width_of(window);
  range.begin = reader.points.after(range.since);
  range.end = reader.points.after(reader.as_of);
  range.truncated = reader.head.dropped_until > range.since;
  return range;
}

// Back from `as_of` through every silence that is not too long; empty where the silence since the last event
// is.
Range session(const Reader& reader) {
  Range range;
  range.begin = range.end = reader.points.after(reader.as_of);
  Micros earliest = reader.as_of;
  auto joined = [&](Micros time) { return earliest - time <= limits::session_gap_us; };
  while (range.begin > 0 && joined(reader.points.time(range.begin - 1))) {
    earliest = reader.points.time(--range.begin);
  }
  range.since = earliest;
  range.truncated =
      range.begin == 0 && reader.head.dropped_until != never && joined(reader.head.dropped_until);
  return range;
}

double calendar(Aggregate aggregate, Micros latest) {
  using namespace std::chrono;
  if (latest == never) return nan;
  sys_time<microseconds> time{microseconds{latest}};
  auto day = floor<days>(time);
  if (aggregate == Aggregate::hour) return static_cast<double>(floor<hours>(time - day).count());
  if (aggregate == Aggregate::month) return static_cast<unsigned>(year_month_day{day}.month());
  weekday which{day};
  return which == Saturday || which == Sunday ? 1 : 0;
}

double distinct_all_time(const Reader& reader, const Output& output) {
  size_t begin = reader.plan.blank.size();
  for (uint16_t offset : reader.plan.sketches) {
    auto head = load<SketchHead>(reader.row.data() + offset);
    if (offset == output.offset) return sketch_estimate(head, reader.row.data() + begin);
    begin += head.bytes;
  }
  CHECK(false);
  return nan;
}

double mean_all_time(const char* sum, const char* present) {
  auto count = load<int64_t>(present);
  return count == 0 ? nan : from_millionths(load<Wide>(sum)) / static_cast<double>(count);
}

double read_all_time(const Reader& reader, const Output& output) {
  const char* at = reader.row.data() + output.offset;
  switch (output.aggregate) {
    case Aggregate::count:
      return static_cast<double>(load<int64_t>(at));
    case Aggregate::sum:
      return from_millionths(load<Wide>(at));
    case Aggregate::min:
    case Aggregate::max:
      return load<double>(at);
    case Aggregate::mean:
      return mean_all_time(at, reader.row.data() + output.offset_present);
    case Aggregate::first:
    case Aggregate::last:
      return load<double>(at + 8);
    case Aggregate::distinct:
      return distinct_all_time(reader, output);
    case Aggregate::rate:
      return reader.per_minute(static_cast<double>(load<int64_t>(at)), reader.as_of - reader.head.first_time);
    case Aggregate::seconds:
      return seconds_of(load<int64_t>(at));
    case Aggregate::time_since: {
      auto latest = load<Micros>(at);
      return latest == never ? nan : seconds_of(reader.silence(latest));
    }
    default:
      return calendar(output.aggregate, load<Micros>(at));
  }
}

// Calls take(index, adds) for the points of the window that the definition counts.
template <class F>
void each_match(const Reader& reader, const Output& output, const Range& range, F take) {
  const uint64_t plus = packed(reader.plan, output.plus), minus = packed(reader.plan, output.minus);
  for (size_t i = range.begin; i < range.end; ++i) {
    uint64_t clauses = reader.points.packed_clauses(i);
    if (clauses & (plus | minus)) take(i, (clauses & plus) != 0);
  }
}

template <class F>
void each_value(const Reader& reader, const Output& output, const Range& range, F take) {
  each_match(reader, output, range, [&](size_t i, bool adds) {
    double value = reader.points.number(i, output.point_value);
    if (is_value(value)) take(i, value, adds);
  });
}

double count_in(const Reader& reader, const Output& output, const Range& range) {
  int64_t count = 0;
  each_match(reader, output, range, [&](size_t, bool adds) { count += adds ? 1 : -1; });
  return static_cast<double>(count);
}

double sum_in(const Reader& reader, const Output& output, const Range& range, bool mean) {
  Wide sum = 0;
  int64_t present = 0;
  each_value(reader, output, range, [&](size_t, double value, bool adds) {
    sum += adds ? millionths(value) : -millionths(value);
    ++present;
  });
  if (!mean) return from_millionths(sum);
  return present == 0 ? nan : from_millionths(sum) / static_cast<double>(present);
}

double extreme_in(const Reader& reader, const Output& output, const Range& range) {
  double extreme = nan;
  bool least = output.aggregate == Aggregate::min;
  each_value(reader, output, range, [&](size_t, double value, bool) {
    if (!(least ? extreme <= value : extreme >= value)) extreme = value;
  });
  return extreme;
}

// Of several values at one time the smallest is first and the largest last, as in row.cc.
double edge_in(const Reader& reader, const Output& output, const Range& range) {
  double edge = nan;
  Micros time = 0;
  bool first = output.aggregate == Aggregate::first;
  each_value(reader, output, range, [&](size_t i, double value, bool) {
    Micros here = reader.points.time(i);
    bool better = here == time ? (first ? value < edge : value > edge) : !first;
    if (std::isnan(edge) || better) edge = value, time = here;
  });
  return edge;
}

double distinct_in(const Reader& reader, const Output& output, const Range& range) {
  std::array<uint64_t, limits::feature_points_max> hashes;
  size_t count = 0;
  each_match(reader, output, range, [&](size_t i, bool) {
    hashes[count] = reader.points.bits(i, output.point_value);
    count += hashes[count] != 0;
  });
  std::sort(hashes.begin(), hashes.begin() + count);
  return static_cast<double>(std::unique(hashes.begin(), hashes.begin() + count) - hashes.begin());
}

// Gaps that begin in the window and had ended by `as_of`.
double dwell_in(const Reader& reader, const Output& output, const Range& range) {
  const uint64_t plus = packed(reader.plan, output.plus);
  Micros dwell = 0;
  uint64_t clauses = 0;
  for (size_t i = range.begin; i < range.end; ++i) {
    clauses |= reader.points.packed_clauses(i);
    if (i + 1 == range.end) break;
    Micros gap = reader.points.time(i + 1) - reader.points.time(i);
    if (gap == 0) continue;
    if (clauses & plus) dwell += std::min(gap, limits::dwell_gap_max_us);
    clauses = 0;
  }
  return seconds_of(dwell);
}

double silence_in(const Reader& reader, const Output& output, const Range& range) {
  const uint64_t plus = packed(reader.plan, output.plus);
  for (size_t i = range.end; i > range.begin; --i) {
    if (reader.points.packed_clauses(i - 1) & plus)
      return seconds_of(reader.as_of - reader.points.time(i - 1));
  }
  return nan;
}

double read_window(const Reader& reader, const Output& output) {
  const Range& range = reader.ranges[static_cast<size_t>(output.window)];
  switch (output.aggregate) {
    case Aggregate::count:
      return count_in(reader, output, range);
    case Aggregate::sum:
      return sum_in(reader, output, range, false);
    case Aggregate::mean:
      return sum_in(reader, output, range, true);
    case Aggregate::min:
    case Aggregate::max:
      return extreme_in(reader, output, range);
    case Aggregate::first:
    case Aggregate::last:
      return edge_in(reader, output, range);
    case Aggregate::distinct:
      return distinct_in(reader, output, range);
    case Aggregate::rate:
      return reader.per_minute(count_in(reader, output, range), reader.as_of - range.since);
    case Aggregate::seconds:
      return dwell_in(reader, output, range);
    case Aggregate::time_since:
      return silence_in(reader, output, range);
    default:
      CHECK(false);
      return nan;
  }
}

}  // namespace

FeatureVector read_row(const KindPlan& plan, std::string_view row, std::optional<Micros> as_of) {
  auto head = load<RowHead>(row.data());
  CHECK(head.version == row_version && head.layout == load<RowHead>(plan.blank.data()).layout);
  Micros when = within_time(as_of.value_or(head.last_time));
  Reader reader{plan, row, head, Points(plan, head, row), when};
  FeatureVector vector;
  for (size_t window = 1; window < window_kinds; ++window) {
    if (!plan.uses_window[window]) continue;
    auto which = static_cast<Window>(window);
    reader.ranges[window] = which == Window::session ? session(reader) : sliding(reader, which);
    vector.window_truncated |= reader.ranges[window].truncated;
  }
  for (const Output& output : plan.outputs) {
    bool all_time = output.window == Window::all_time;
    vector.slots[vector.count++] = all_time ? read_all_time(reader, output) : read_window(reader, output);
  }
  vector.points = static_cast<uint32_t>(reader.points.count());
  vector.events = head.events;
  vector.first_time = head.first_time;
  vector.last_time = head.last_time;
  vector.as_of = reader.as_of;
  return vector;
}

}  // namespace headrace::features
