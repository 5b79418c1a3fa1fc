// Wake: how one thread gets another out of its poll. The only file that knows the protocol.
//
//   sleeper: asleep := true (read-modify-write); look for mail; none: poll ... asleep := false; take mail
//   sender:  publish mail; asleep := false (read-modify-write); it was true: uv_async_send
//
// Both sides change the same atomic by read-modify-write, so one comes first: either the sleeper's look for
// mail sees what was published, or the sender sees that it sleeps. A loop that is awake costs its senders no
// system call, a sleeping one is called once. libuv before 1.53 reads its own pending flag without a barrier
// in uv_async_send, hence the full fence there (libuv changelog of 1.53).
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

  uv_async_t async_;
  alignas(64) std::atomic<bool> asleep_{false};
};

}  // namespace headrace
