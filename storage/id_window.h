// IdWindow: when ids came, coarsely, so that those older than a duration can be forgotten.
//
// A mark (time, lsn) says: every record up to `lsn` was made at `time` or earlier. Marks stand a 1,024th of
// the window apart, so an id is forgotten when it is older than the window: never earlier, at most that much
// later. Where the clock was set back, marks of what is now the future go: what they spoke of is at most as
// young as the present. Lives on: the owner of the index. Limits: limits::id_window_marks marks, and two.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "src/base/limits.h"

namespace headrace {

struct IdMark {
  Micros time = 0;
  uint64_t lsn = 0;
  auto operator<=>(const IdMark&) const = default;
};

class IdWindow {
 public:
  // `length` 0: nothing is ever too old.
  explicit IdWindow(Micros length, const std::vector<IdMark>& marks = {})
      : length_(length),
        step_(std::max<Micros>(length / Micros{limits::id_window_marks}, 1)),
        begun_(-step_),
        marks_(marks.begin(), marks.end()) {}

  // The record `lsn` was made at `time`. LSNs ascend; times may step.
  void note(Micros time, uint64_t lsn) {
    if (length_ == 0) return;
    for (; !marks_.empty() && marks_.back().time > time + step_; marks_.pop_back()) begun_ = time - step_;
    if (!marks_.empty() && time < begun_ + step_) {
      marks_.back() = {std::max(marks_.back().time, time), lsn};
      return;
    }
    first_lsn(time);
    marks_.push_back({time, lsn});
    begun_ = time;
  }

  // Every record before this one is older than the window.
  uint64_t first_lsn(Micros now) {
    for (; length_ > 0 && !marks_.empty() && now - marks_.front().time > length_; marks_.pop_front())
      first_lsn_ = marks_.front().lsn + 1;
    return first_lsn_;
  }

  std::vector<IdMark> marks() const { return {marks_.begin(), marks_.end()}; }

 private:
  Micros length_, step_;
  Micros begun_;  // the first time that the last mark stands for
  std::deque<IdMark> marks_;
  uint64_t first_lsn_ = 1;
};

}  // namespace headrace
