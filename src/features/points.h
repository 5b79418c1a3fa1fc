// Points: the recent events of one entity, one by one, at the end of its row (row.h describes the bytes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/features/bits.h"
#include "src/features/observation.h"
#include "src/features/row.h"
#include "storage/rows.h"

namespace headrace::features {

// The points of a row, oldest first.
class Points {
 public:
  Points(const RowHead& head, std::string_view row, size_t stride)
      : first_(row.data() + head.points_offset + head.points_dead * stride),
        count_((row.size() - head.points_offset) / stride - head.points_dead),
        stride_(stride) {}

  size_t count() const { return count_; }
  Micros time(size_t i) const { return load<Micros>(first_ + i * stride_); }
  uint64_t matched(size_t i) const { return load<uint64_t>(first_ + i * stride_ + 8); }
  uint64_t bits(size_t i, size_t value) const {
    return load<uint64_t>(first_ + i * stride_ + 16 + 8 * value);
  }
  double number(size_t i, size_t value) const { return load<double>(first_ + i * stride_ + 16 + 8 * value); }

  // Index of the first point later than `time`.
  size_t after(Micros time) const;

 private:
  const char* first_;
  size_t count_;
  size_t stride_;
};

// Counts the event in the head of its row, puts it among the points, sums the dwell it ends and begins, and
// forgets what is too old or too much. The time of the event may be anything.
void place_point(const KindPlan& plan, const Observation& observation, RowBytes& row);

}  // namespace headrace::features
