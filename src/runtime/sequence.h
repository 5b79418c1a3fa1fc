// Sequence: a number that only grows, and the coroutines waiting for it (a durable LSN, a count of arrivals).
// Intrusive: a waiter is the awaiter in its coroutine's frame; nothing is allocated.
#pragma once

#include <coroutine>
#include <cstdint>

#include "src/base/check.h"

namespace headrace {

// Lives on: one loop. Limits: none of its own; as many waiters as there are suspended coroutines.
class Sequence {
 public:
  class Wait;

  explicit Sequence(uint64_t value = 0) : value_(value) {}
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;
  ~Sequence() {
    CHECK(first_ == nullptr);
    if (ended_) *ended_ = true;
  }

  uint64_t value() const { return value_; }
  bool waited_for() const { return first_ != nullptr; }

  // co_await sequence.at_least(n): goes on at once when reached, else from within advance().
  [[nodiscard]] Wait at_least(uint64_t goal);

  // Grows to `value` and resumes, in the order of their goals (first come first), all who have reached
  // theirs.
  void advance(uint64_t value);

 private:
  uint64_t value_;
  Wait* first_ = nullptr;
  Wait* last_ = nullptr;
  bool* ended_ = nullptr;  // tells the innermost advance() that the sequence is gone
};

class Sequence::Wait {
 public:
  Wait(Sequence& sequence, uint64_t goal) : sequence_(sequence), goal_(goal) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (linked_) unlink();
  }  // its coroutine was destroyed while waiting

  bool await_ready() const { return goal_ <= sequence_.value_; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    link();
  }
  void await_resume() const {}

 private:
  friend class Sequence;
  void link();
  void unlink();

  Sequence& sequence_;
  const uint64_t goal_;
  std::coroutine_handle<> waiter_;
  Wait* before_ = nullptr;
  Wait* after_ = nullptr;
  bool linked_ = false;
};

inline Sequence::Wait Sequence::at_least(uint64_t goal) { return Wait(*this, goal); }

// OneShot: happens once; who waits afterwards does not wait.
class OneShot {
 public:
  bool happened() const { return sequence_.value() > 0; }
  void happen() { sequence_.advance(1); }
  [[nodiscard]] Sequence::Wait wait() { return sequence_.at_least(1); }

 private:
  Sequence sequence_;
};

}  // namespace headrace
