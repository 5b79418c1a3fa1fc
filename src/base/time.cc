// The clocks of the operating system.
#include "src/base/time.h"

#include <ctime>

namespace headrace {
namespace {

Micros read(clockid_t id) {
  timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * second_us + now.tv_nsec / 1000;
}

class SystemClock final : public Clock {
 public:
  Micros wall() override { return read(CLOCK_REALTIME); }
  Micros monotonic() override { return read(CLOCK_MONOTONIC); }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace headrace
