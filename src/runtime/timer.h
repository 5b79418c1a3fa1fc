// Timer: a function called after a time, or every so often; sleep() for coroutines. Resolution: milliseconds.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>

#include "src/base/time.h"
#include "src/runtime/loop.h"

namespace headrace {

// Lives on: the loop it was made for. Ends with its life: the function is not called after that.
class Timer {
 public:
  Timer() = default;  // does nothing
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer();

  static Timer after(Loop& loop, Micros delay, std::function<void()> function);
  static Timer every(Loop& loop, Micros period, std::function<void()> function);

  void cancel();

 private:
  struct State;
  static Timer start(Loop& loop, Micros delay, Micros period, std::function<void()> function);
  State* state_ = nullptr;
};

// co_await sleep(delay): resumes on the same loop after `delay`.
class [[nodiscard]] Sleep {
 public:
  explicit Sleep(Micros delay) : delay_(delay) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() { timer_.cancel(); }

 private:
  Micros delay_;
  Timer timer_;
};

inline Sleep sleep(Micros delay) { return Sleep(delay); }

}  // namespace headrace
