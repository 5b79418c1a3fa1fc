// Processor time of the thread: what a busy machine gave to others is not held against it.
#include "src/base/thread_share.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace headrace {
namespace {

constexpr int low_priority = 10;  // as `nice` has it
constexpr Micros slice_us = 250;  // worked at a time: a wake-up for every few microseconds would cost more than they do

Micros cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return used.tv_sec * second_us + used.tv_nsec / 1000;
}

}  // namespace

// Of this thread alone, as Linux has it.
void lower_priority() { (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), low_priority); }

ThreadShare::ThreadShare() : paid_us_(cpu_time()) { lower_priority(); }

Micros ThreadShare::owed_us(unsigned percent) {
  Micros now = cpu_time(), worked = now - paid_us_;
  if (worked < slice_us) return 0;
  paid_us_ = now;
  return worked * (100 - percent) / percent;
}

}  // namespace headrace
