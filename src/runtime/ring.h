// Ring: a bounded queue of messages from one thread to one other (single producer, single consumer).
//
// The producer publishes by a release store of tail_, the consumer frees by a release store of head_; each
// side keeps a copy of the other's index so that the shared line is touched only when the copy says full or
// empty.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "src/base/limits.h"
#include "src/runtime/message.h"

namespace headrace {

class Ring {
 public:
  Ring() : slots_(std::make_unique_for_overwrite<Message*[]>(capacity)) {}

  // Producer. False when full.
  bool push(Message& message) {
    size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == capacity) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == capacity) return false;
    }
    slots_[tail % capacity] = &message;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Consumer. Runs what stood in the ring when called, `before` ahead of each; what is pushed meanwhile
  // waits.
  template <class Before>
  void deliver(Delivery delivery, Before before) {
    size_t head = head_.load(std::memory_order_relaxed);
    const size_t tail = tail_.load(std::memory_order_acquire);
    while (head != tail) {
      Message& message = *slots_[head % capacity];
      head_.store(++head, std::memory_order_release);
      before();
      message.act(message, delivery);
    }
  }

  // Consumer.
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  static constexpr size_t capacity = limits::ring_messages_max;
  static_assert((capacity & (capacity - 1)) == 0);

  std::unique_ptr<Message*[]> slots_;
  alignas(64) std::atomic<size_t> tail_{0};
  size_t head_seen_ = 0;  // the producer's copy of head_
  alignas(64) std::atomic<size_t> head_{0};
};

}  // namespace headrace
