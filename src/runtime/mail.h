// Mail: what other threads have sent to one loop. A ring pair per sending loop, a list for everybody else.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "src/runtime/ring.h"

namespace headrace {

// From one loop of the group to its owner: requests and posts, and the answers to what the owner has asked.
struct Lane {
  Ring requests;
  Ring replies;
  size_t in_flight = 0;  // asked by the owner of the mail over there, answer not yet delivered
};

// A list many threads push onto and one takes whole: order of pushing is kept, nothing is allocated.
class Inbox {
 public:
  void push(Message& message);
  // Runs what stood in it.
  void deliver(Delivery delivery);
  bool empty() const { return newest_.load(std::memory_order_acquire) == nullptr; }
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Message*> newest_{nullptr};
  std::atomic<size_t> size_{0};
};

}  // namespace headrace
