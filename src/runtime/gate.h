// Gate: counts work in flight; once closed nothing enters, and close() waits for what is inside.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "src/runtime/sequence.h"
#include "src/runtime/task.h"

namespace headrace {

// Lives on: one loop.
class Gate {
 public:
  // Being inside; leaves with its life.
  class Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_) gate_->leave();
    }

   private:
    friend class Gate;
    explicit Pass(Gate& gate) : gate_(&gate) {}
    Gate* gate_;
  };

  ~Gate() { CHECK(inside_ == 0); }

  // Nothing once the gate is closed.
  [[nodiscard]] std::optional<Pass> enter() {
    if (closed_) return std::nullopt;
    ++inside_;
    return Pass(*this);
  }
  // Closes at once; the task ends when the last one has left.
  void shut() {
    closed_ = true;
    if (inside_ == 0) empty_.happen();
  }
  Task<void> close() {
    shut();
    co_await empty_.wait();
  }

  bool closed() const { return closed_; }
  size_t inside() const { return inside_; }

 private:
  void leave() {
    if (--inside_ == 0 && closed_) empty_.happen();
  }

  size_t inside_ = 0;
  bool closed_ = false;
  OneShot empty_;
};

}  // namespace headrace
