// Sweep: the n-th write, sync, open... of a life fails once, for every n, in every way the system knows.
//
// Interrupted calls and short counts must not be noticed. Any other error may make a start refuse, or storage
// stop itself: then nothing is accepted or acknowledged any more; or it concerns what storage can do without.
// Whatever it was, a restart, after a kill as after a power cut, finds everything that was acknowledged.
#pragma once

#include <string>

#include "tests/sim/life.h"
#include "tests/sim/simulated_disk.h"

namespace headrace::sim {

struct Failing {
  Call call;
  const char* name;  // of the error
  int error;         // 0: a short count
};

struct SweepResult {
  uint64_t cases = 0, start_refused = 0, stopped = 0, went_on = 0;
  std::string wrong;
};

// Its disk's files are kept in `root`. `cases_max` bounds n, in ever larger steps.
SweepResult sweep(const Failing& failing, const std::string& root, uint64_t seed, uint64_t cases_max);

// All of them, one line each; how many went wrong.
uint64_t sweep_all(const std::string& root, uint64_t seed, uint64_t cases_max);

}  // namespace headrace::sim
