// Offload: a bounded pool of worker threads for what must never run on a loop (password hashes, big zstd,
// training).
//
//   Result<Hash> hash = co_await offload(pool, hash_password, password);
#pragma once

#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include "src/runtime/answer.h"
#include "src/runtime/loop.h"

namespace headrace {

// Operation: any loop may hand in work; what does not fit into the queue is refused. Lives on: its own
// threads. Must outlive the coroutines that wait for it; the destructor finishes what is queued.
class Offload {
 public:
  enum class Priority { normal, low };
  Offload(size_t threads, size_t queue_max, Priority priority = Priority::normal);
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  // Any thread. `job.act` runs on a worker. False when the queue is full.
  [[nodiscard]] bool submit(Message& job);

 private:
  void work(Priority priority);
  Message* next_job();

  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  Message* first_ = nullptr;
  Message* last_ = nullptr;
  size_t queued_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

template <class F, class... V>
class [[nodiscard]] Offloaded final : private Message {
  using Value = Answer<std::invoke_result_t<F&, V...>>;
  static_assert(std::is_trivially_destructible_v<F>,
                "offload() takes a plain function; pass what it needs as values");

 public:
  Offloaded(Offload& pool, F function, V... values)
      : Message(&compute), pool_(pool), function_(function), values_(std::move(values)...) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    here_ = Loop::current();
    CHECK(here_ != nullptr);
    waiter_ = waiter;
    // Once submitted, a worker owns this object until the message comes back to this very thread.
    if (pool_.submit(*this)) return true;
    value_.emplace(Error::overloaded);
    return false;
  }
  Value await_resume() { return std::move(*value_); }

 private:
  static void compute(Message& message, Delivery) {
    auto& self = static_cast<Offloaded&>(message);
    self.value_.emplace(answer_of([&self] { return std::apply(self.function_, std::move(self.values_)); }));
    self.act = &arrive;
    self.here_->hand_over(self);
  }
  static void arrive(Message& message, Delivery delivery) {
    if (delivery == Delivery::run) static_cast<Offloaded&>(message).waiter_.resume();
  }

  Offload& pool_;
  Loop* here_ = nullptr;
  F function_;
  std::tuple<V...> values_;
  std::coroutine_handle<> waiter_;
  std::optional<Value> value_;
};

template <class F, class... V>
auto offload(Offload& pool, F function, V... values) {
  return Offloaded<F, V...>(pool, std::move(function), std::move(values)...);
}

}  // namespace headrace
