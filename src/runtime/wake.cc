// The part of the wake protocol that touches libuv.
#include "src/runtime/wake.h"

#include "src/base/check.h"

namespace headrace {
namespace {

// ThreadSanitizer does not know fences; a sequentially consistent exchange is one in effect on our machines.
void full_fence() {
#if defined(__SANITIZE_THREAD__)
  static std::atomic<int> dummy{0};
  dummy.exchange(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

void Wake::open(uv_loop_t* loop) {
  // Nothing to do in the callback: being out of the poll is all that was asked for.
  CHECK(uv_async_init(loop, &async_, [](uv_async_t*) {}) == 0);
}

void Wake::close() { uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr); }

void Wake::send() {
  full_fence();
  CHECK(uv_async_send(&async_) == 0);
}

}  // namespace headrace
