// A timerfd in the loop's poll. The state lives until libuv has let go of the handle, later than the Alarm.
#include "src/runtime/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <utility>

#include "src/base/check.h"

namespace headrace {

struct Alarm::State {
  uv_poll_t poll;
  int timer;
  Micros set_for = 0;  // 0: not set
  std::function<void()> function;

  static void ring(uv_poll_t* poll, int, int) {
    auto& self = *static_cast<State*>(poll->data);
    uint64_t times;
    [[maybe_unused]] ssize_t taken = read(self.timer, &times, sizeof times);
    self.set_for = 0;
    self.function();
  }
};

Alarm::Alarm(Loop& loop, std::function<void()> function) : state_(new State) {
  state_->function = std::move(function);
  state_->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  CHECK(state_->timer >= 0);
  CHECK(uv_poll_init(loop.uv(), &state_->poll, state_->timer) == 0);
  state_->poll.data = state_;
  CHECK(uv_poll_start(&state_->poll, UV_READABLE, &State::ring) == 0);
}

Alarm::Alarm(Alarm&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Alarm& Alarm::operator=(Alarm&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Alarm::~Alarm() {
  if (state_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->poll), [](uv_handle_t* handle) {
    auto* state = static_cast<State*>(handle->data);
    ::close(state->timer);
    delete state;
  });
}

void Alarm::at_latest(Micros moment) {
  moment = std::max<Micros>(moment, 1);
  if (state_->set_for != 0 && state_->set_for <= moment) return;
  state_->set_for = moment;
  itimerspec when{};
  when.it_value = {moment / second_us, (moment % second_us) * 1000};
  CHECK(timerfd_settime(state_->timer, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

}  // namespace headrace
