// StateScrub: reads every value of a partition's state again, so that damage is found before somebody asks for it.
//
// Operation: step() borrows the newest checkpoint's state (state_loan.h) when a pass is due and checks the CRC of each value,
// for limits::scrub_loan_us at most; a larger state is gone through in several loans. A pass that needs one loan only also
// compares the digest, which no lost or stale page can keep. Lives on: the keeper's thread; stats() on any.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "codec/checksum.h"
#include "src/base/result.h"
#include "src/base/time.h"

namespace headrace {

class StateLoan;
class StateView;

struct StateScrubStats {
  uint64_t values = 0, bytes = 0, passes = 0;  // since the start
  bool damaged = false;                        // as the last pass that could tell found it
};

struct StateScrubOptions {
  std::function<StateLoan*()> loan = {};  // of the partition as it is open now; none: there is nothing to do
  Micros period_us = 0;       // of a pass; 0: never
  Clock* clock = &system_clock();
  std::function<void(const Problem&)> found = {};  // damage; may be empty
};

class StateScrub {
 public:
  explicit StateScrub(StateScrubOptions options);

  // True where something was looked at, and more may follow at once.
  bool step();
  StateScrubStats stats() const;

 private:
  Result<> read(const StateView& view, const Digest& promised);
  Result<> read_tree(const StateView& view, Micros until);
  void end_pass(const Result<>& done);

  const StateScrubOptions options_;
  StateLoan* loan_ = nullptr;                    // of the step in hand
  Micros next_pass_us_ = 0, pass_begun_us_ = 0;  // monotonic
  size_t tree_ = 0;                              // the pass is there...
  std::string next_key_;                         // ...and goes on at this key
  bool in_one_loan_ = true;
  Digest digest_;
  mutable std::mutex mutex_;
  StateScrubStats stats_;  // under mutex_
};

}  // namespace headrace
