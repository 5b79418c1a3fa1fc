// Task<T>: a coroutine that runs when awaited and gives its awaiter one value. Our only coroutine type.
//
// Rules (the compilers we build with make them necessary; tests/runtime/canary_test.cc watches them):
//  - no temporary aggregate and no capturing lambda inside a co_await expression: name it, then move it;
//  - a capturing lambda is never a coroutine: its captures die before the frame does;
//  - a task starts, suspends and ends on one thread; only ask() and offload() cross threads.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "src/base/check.h"
#include "src/runtime/frame_pool.h"

namespace headrace {

template <class T = void>
class Task;

namespace detail {

// Hands control to whoever awaits the finished coroutine; a detached one frees itself.
struct FinalAwaiter {
  bool await_ready() noexcept { return false; }
  void await_resume() noexcept {}
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) noexcept {
    Promise& promise = finished.promise();
    if (promise.starting) return std::noop_coroutine();  // Task::start() sees that it is done
    if (promise.continuation) return promise.continuation;
    if (promise.detached) finished.destroy();
    return std::noop_coroutine();
  }
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  bool detached = false;
  bool starting = false;  // still inside Task::start()

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { CHECK(!"an exception left a coroutine"); }

  static void* operator new(size_t bytes) { return frame_pool::take(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { frame_pool::give(frame, bytes); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& returned) {
    value.emplace(std::forward<U>(returned));
  }
  T take() {
    CHECK(value.has_value());
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Value = T;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // Runs the task until it ends (false) or waits (true); then `continuation` runs when it has ended. A task
  // that never waits returns here instead of transferring control: g++ makes no tail call of a transfer when
  // optimisation is off or a sanitizer on, and a loop over such tasks would eat the stack.
  bool start(std::coroutine_handle<> continuation) {
    auto& promise = frame_.promise();
    promise.continuation = continuation;
    promise.starting = true;
    frame_.resume();
    promise.starting = false;
    return !frame_.done();
  }
  // The value of a task that has ended.
  T take() { return frame_.promise().take(); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) { return start(awaiter); }
  T await_resume() { return take(); }

 private:
  friend struct detail::Promise<T>;
  friend void spawn(Task<void> task);
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A task that has its value already.
template <class T>
Task<T> ready(T value) {
  co_return value;
}

// Runs `task` now, until it first waits; it then goes on by itself and frees itself at its end.
inline void spawn(Task<void> task) {
  auto frame = std::exchange(task.frame_, {});
  frame.promise().detached = true;
  frame.resume();
}

}  // namespace headrace
