// Wake: how one thread gets another out of its poll. The only file that knows the protocol.
//
//   sleeper: asleep := true (read-modify-write); look for mail; none: poll ... asleep := false; take mail
//   sender:  publish mail; asleep := false (read-modify-write); it was true: write to the eventfd
//
// Both sides change the same atomic by read-modify-write, so one comes first: either the sleeper's look for
// mail sees what was published, or the sender sees that it sleeps. A loop that is awake costs its senders no
// system call, a sleeping one is called once. An eventfd of our own rather than uv_async_t: the receiver of
// that spins while the sender is between two steps (libuv 1.44, uv__async_spin), which on few cores with
// many threads costs a tenth of the processor; and its pending flag needs a fence before libuv 1.53.
#pragma once

#include <uv.h>

#include <atomic>

namespace headrace {

class Wake {
 public:
  void open(uv_loop_t* loop);
  void close();  // the handle is gone after the loop's next turn

  // Sleeper. After fall_asleep() it must look for mail once more, and call() itself if there is some.
  void fall_asleep() { asleep_.exchange(true, std::memory_order_acq_rel); }
  void awake() { asleep_.store(false, std::memory_order_relaxed); }

  // Any thread, after publishing.
  void call() {
    if (asleep_.exchange(false, std::memory_order_acq_rel)) send();
  }

 private:
  void send();

  static void drain(uv_poll_t* poll, int status, int events);

  int event_ = -1;
  uv_poll_t poll_;
  alignas(64) std::atomic<bool> asleep_{false};
};

}  // namespace headrace
