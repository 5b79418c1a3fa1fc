// The part of the wake protocol that touches libuv and the kernel.
#include "src/runtime/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/check.h"

namespace headrace {

void Wake::open(uv_loop_t* loop) {
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(event_ >= 0);
  CHECK(uv_poll_init(loop, &poll_, event_) == 0);
  poll_.data = this;
  CHECK(uv_poll_start(&poll_, UV_READABLE, &drain) == 0);
}

// Being out of the poll is all that was asked for.
void Wake::drain(uv_poll_t* poll, int, int) {
  uint64_t calls;
  [[maybe_unused]] ssize_t taken = read(static_cast<Wake*>(poll->data)->event_, &calls, sizeof calls);
}

void Wake::close() {
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { ::close(static_cast<Wake*>(handle->data)->event_); });
}

void Wake::send() {
  uint64_t one = 1;
  CHECK(write(event_, &one, sizeof one) == sizeof one);
}

}  // namespace headrace
