// ask(): runs a function on another loop and resumes here with its value. The awaiter is the message.
//
//   Result<Row> row = co_await ask(partition_loop, read_row, key);
//
// The function is a plain function or captureless lambda, or a coroutine (returning Task<T>); its values are
// moved over. On the same loop it is called directly. Error::overloaded when the way there is full.
#pragma once

#include <optional>
#include <tuple>

#include "src/runtime/answer.h"
#include "src/runtime/loop.h"

namespace headrace {

template <class F, class... V>
class [[nodiscard]] Ask final : private Message {
  using Returned = std::invoke_result_t<F&, V...>;
  using Awaited = detail::AwaitedOf<Returned>;
  using Value = Answer<typename Awaited::Type>;
  static_assert(std::is_trivially_destructible_v<F>,
                "ask() takes a plain function; pass what it needs as values");
  static_assert(!Awaited::is_task || std::is_empty_v<F> || std::is_pointer_v<F>,
                "a coroutine must not be a capturing lambda; pass what it needs as values");

 public:
  Ask(Loop& where, F function, V... values)
      : Message(&deliver), where_(where), function_(function), values_(std::move(values)...) {}

  bool await_ready() {
    here_ = Loop::current();
    CHECK(here_ != nullptr);
    if constexpr (Awaited::is_task) {
      return false;
    } else {
      if (here_ != &where_) return false;
      value_.emplace(answer_of([this] { return call(); }));
      return true;
    }
  }

  bool await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    if constexpr (Awaited::is_task) {
      if (here_ == &where_) return start_here();
    }
    if (where_.request(*here_, *this)) return true;
    value_.emplace(Error::overloaded);
    return false;
  }

  Value await_resume() {
    if constexpr (Awaited::is_task) {
      if (task_) return answer_of([this] { return task_->take(); });
    }
    return std::move(*value_);
  }

 private:
  Returned call() { return std::apply(function_, std::move(values_)); }

  bool start_here() requires(Awaited::is_task) {
    task_.emplace(call());
    return task_->start(waiter_);
  }

  static void deliver(Message& message, Delivery delivery) {
    if (delivery == Delivery::drop) return;
    auto& self = static_cast<Ask&>(message);
    if constexpr (Awaited::is_task) {
      spawn(answer_later(self));
    } else {
      self.value_.emplace(answer_of([&self] { return self.call(); }));
      self.send_back();
    }
  }

  static Task<void> answer_later(Ask& self) requires(Awaited::is_task) {
    Task<typename Awaited::Type> task = self.call();
    if constexpr (std::is_void_v<typename Awaited::Type>) {
      co_await task;
      self.value_.emplace(Done{});
    } else {
      self.value_.emplace(co_await task);
    }
    self.send_back();
  }

  void send_back() {
    act = &arrive;
    here_->reply(where_, *this);
  }

  static void arrive(Message& message, Delivery delivery) {
    if (delivery == Delivery::run) static_cast<Ask&>(message).waiter_.resume();
  }

  Loop& where_;
  Loop* here_ = nullptr;
  F function_;
  std::tuple<V...> values_;
  std::coroutine_handle<> waiter_;
  std::optional<Value> value_;
  std::optional<std::conditional_t<Awaited::is_task, Returned, Done>>
      task_;  // only when asked on the same loop
};

template <class F, class... V>
auto ask(Loop& where, F function, V... values) {
  return Ask<F, V...>(where, std::move(function), std::move(values)...);
}

}  // namespace headrace
