// Timers over uv_timer_t. The state lives until libuv has let go of the handle, later than the Timer.
#include "src/runtime/timer.h"

#include <uv.h>

#include "src/base/check.h"

namespace headrace {

struct Timer::State {
  uv_timer_t handle;
  std::function<void()> function;
};

namespace {

uint64_t milliseconds(Micros duration) { return static_cast<uint64_t>(duration + 999) / 1000; }

}  // namespace

Timer Timer::start(Loop& loop, Micros delay, Micros period, std::function<void()> function) {
  CHECK(delay >= 0);
  Timer timer;
  timer.state_ = new State{{}, std::move(function)};
  uv_timer_t& handle = timer.state_->handle;
  CHECK(uv_timer_init(loop.uv(), &handle) == 0);
  handle.data = timer.state_;
  uv_update_time(loop.uv());  // the delay counts from now, not from the start of the iteration
  auto fire = [](uv_timer_t* fired) { static_cast<State*>(fired->data)->function(); };
  CHECK(uv_timer_start(&handle, fire, milliseconds(delay), milliseconds(period)) == 0);
  return timer;
}

Timer Timer::after(Loop& loop, Micros delay, std::function<void()> function) {
  return start(loop, delay, 0, std::move(function));
}

Timer Timer::every(Loop& loop, Micros period, std::function<void()> function) {
  CHECK(period > 0);
  return start(loop, period, period, std::move(function));
}

Timer::Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Timer::~Timer() { cancel(); }

void Timer::cancel() {
  if (state_ == nullptr) return;
  auto* handle = reinterpret_cast<uv_handle_t*>(&std::exchange(state_, nullptr)->handle);
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<State*>(closed->data); });
}

void Sleep::await_suspend(std::coroutine_handle<> waiter) {
  CHECK(Loop::current() != nullptr);
  timer_ = Timer::after(*Loop::current(), delay_, [waiter] { waiter.resume(); });
}

}  // namespace headrace
