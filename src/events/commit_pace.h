// CommitPace: when a batch that somebody waits for goes to the disk. A group commit costs the same whatever it
// holds, so it is worth a short wait for those who are about to come.
//
//   who waits again  = as many as waited for the batch before (they were answered and send their next request)
//   how long at most = as long as a commit takes on this disk, limits::commit_wait_us_max at the most
//
// A lone client therefore never waits, and nobody waits longer than a commit that had just begun would have cost.
#pragma once

#include <algorithm>
#include <cstddef>

#include "src/base/limits.h"
#include "src/base/time.h"

namespace headrace {

class CommitPace {
 public:
  // `waiting` requests (> 0) wait and nothing else is to be done at `now`: shall the batch go? If not: look again
  // at deadline(), or when more has come.
  bool go(size_t waiting, Micros now) {
    if (ready_since_ == 0) ready_since_ = now;
    if (waiting < expected_ && now < deadline()) return false;
    expected_ = waiting;
    ready_since_ = 0;
    return true;
  }
  Micros deadline() const { return ready_since_ + wait_us_; }

  // A commit took so long.
  void observe(Micros took) {
    wait_us_ = std::min((7 * wait_us_ + took) / 8, limits::commit_wait_us_max);
  }

 private:
  size_t expected_ = 0;
  Micros ready_since_ = 0;  // 0: the next batch has not been looked at
  Micros wait_us_ = 0;
};

}  // namespace headrace
