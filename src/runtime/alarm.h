// Alarm: calls a function on its loop at a moment, to the microsecond; libuv's timers know milliseconds only.
#pragma once

#include <functional>

#include "src/base/time.h"
#include "src/runtime/loop.h"

namespace headrace {

// Operation: at_latest() as often as one likes; setting an alarm that is set already for an earlier moment costs
// nothing, so it may ring before the moment last asked for: whoever hears it looks what is due and asks again.
// Lives on: the loop it was made for. Ends with its life: the function is not called after that.
class Alarm {
 public:
  Alarm() = default;  // rings never
  Alarm(Loop& loop, std::function<void()> function);
  Alarm(Alarm&& other) noexcept;
  Alarm& operator=(Alarm&& other) noexcept;
  ~Alarm();

  // Rings once, at `moment` of the monotonic system clock or before.
  void at_latest(Micros moment);

 private:
  struct State;
  State* state_ = nullptr;
};

}  // namespace headrace
