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

// The clauses of `matched` that points of this kind remember, as they stand in one: bit i is that of point_clauses[i].
inline uint64_t packed(const KindPlan& plan, uint64_t matched) {
  uint64_t bits = 0;
  for (size_t i = 0; i < plan.point_clauses.size(); ++i) bits |= (matched >> plan.point_clauses[i] & 1) << i;
  return bits;
}

// The way back.
inline uint64_t unpacked(const KindPlan& plan, uint64_t bits) {
  uint64_t matched = 0;
  for (size_t i = 0; i < plan.point_clauses.size(); ++i) matched |= (bits >> i & 1) << plan.point_clauses[i];
  return matched;
}

// The points of a row, oldest first.
class Points {
 public:
  Points(const KindPlan& plan, const RowHead& head, std::string_view row)
      : stride_(plan.point_bytes()),
        mask_bytes_(plan.point_mask_bytes()),
        values_at_(KindPlan::point_time_bytes + mask_bytes_),
        first_(row.data() + head.points_offset + head.points_dead * stride_),
        count_((row.size() - head.points_offset) / stride_ - head.points_dead),
        newest_(head.last_time) {}

  size_t count() const { return count_; }
  const char* at(size_t i) const { return first_ + i * stride_; }

  Micros time(size_t i) const {
    uint64_t low = 0;
    std::memcpy(&low, at(i), KindPlan::point_time_bytes);
    return newest_ - static_cast<Micros>((static_cast<uint64_t>(newest_) - low) & time_mask);
  }
  uint64_t packed_clauses(size_t i) const {
    if (mask_bytes_ == 1) return static_cast<uint8_t>(at(i)[KindPlan::point_time_bytes]);
    uint64_t bits = 0;
    std::memcpy(&bits, at(i) + KindPlan::point_time_bytes, mask_bytes_);
    return bits;
  }
  uint64_t bits(size_t i, size_t value) const { return load<uint64_t>(at(i) + values_at_ + 8 * value); }
  double number(size_t i, size_t value) const { return load<double>(at(i) + values_at_ + 8 * value); }

  // Index of the first point later than `time`.
  size_t after(Micros time) const;

 private:
  static constexpr uint64_t time_mask = (uint64_t{1} << 8 * KindPlan::point_time_bytes) - 1;
  static_assert(limits::feature_horizon_us < static_cast<Micros>(time_mask));

  size_t stride_, mask_bytes_, values_at_;
  const char* first_;
  size_t count_;
  Micros newest_;
};

// Counts the event in the head of its row, puts it among the points, sums the dwell it ends and begins, and
// forgets what is too old or too much. The time of the event may be anything.
void place_point(const KindPlan& plan, const Observation& observation, RowBytes& row);

}  // namespace headrace::features
