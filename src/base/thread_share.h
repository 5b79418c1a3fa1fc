// ThreadShare: a thread that takes at most a part of one core, at a low priority.
#pragma once

#include "src/base/time.h"

namespace headrace {

void lower_priority();  // of this thread

// Lives on: one thread, which calls everything.
class ThreadShare {
 public:
  ThreadShare();  // lowers the priority of this thread

  // How long to sleep for the processor time used since it last said so to be `percent` of a core; 0 while that is little.
  Micros owed_us(unsigned percent);

 private:
  Micros paid_us_ = 0;
};

}  // namespace headrace
