// Loop: one event loop, run by one thread. Everything a loop owns is touched by that thread only.
//
// Other threads reach it by messages: loops of one group through a bounded ring per pair of loops, foreign
// threads (sync threads, workers, main) through an inbox. A loop wakes each target at most once an iteration.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/runtime/message.h"

struct uv_loop_s;

namespace headrace {

class Loops;

// Where in the end of an iteration a hook runs: take in, work on it, give out.
enum class Stage { input, work, output };

// Operation: run() on the thread that is to own it, until stop(). Lives on: that thread, except where it says
// "any thread". Limits: limits::ring_messages_max per pair of loops, limits::inbox_messages_max posted from
// outside.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The loop that the calling thread runs, or nullptr.
  static Loop* current() { return current_; }

  void run();
  void stop();  // any thread: run() returns after the iteration that sees it

  // Any thread: runs `function` on this loop, later. False (and nothing happens) when the way there is full.
  template <class F>
  [[nodiscard]] bool post(F function) {
    auto* message = new Posted<F>(std::move(function));
    if (post_message(*message)) return true;
    delete message;
    return false;
  }

  // Any thread: a message whose number its owner bounds (a completion). Never refused, no allocation.
  void hand_over(Message& message);

  // Runs `hook` at the end of every iteration, as long as the returned value lives.
  class Hook;
  [[nodiscard]] Hook at_end_of_iteration(Stage stage, std::function<void()> hook);

  // Called by a hook that made new work for an earlier stage: the stages run once more before the loop
  // sleeps.
  void settle_again() { again_ = true; }

  // Monotonic time at the start of this iteration (milliseconds' resolution).
  Micros now() const;

  size_t index() const { return index_; }  // within its group
  uv_loop_s* uv();

  // For ask(): a request that counts as in flight until its reply() has been delivered. False when full.
  bool request(Loop& from, Message& message);
  // For ask(): the way back; never full, because requests in flight are counted.
  void reply(Loop& from, Message& message);

 private:
  friend class Loops;
  struct Uv;
  struct Lanes;
  struct HookEntry;

  bool post_message(Message& message);
  bool push_to_inbox(Message& message);
  size_t deliver_all(Delivery delivery);
  size_t deliver_inbox(Delivery delivery);
  bool mail_waiting() const;
  void settle();
  void run_stage(Stage stage);
  void note_wake(Loop& target);
  void send_wakes();
  void before_sleep();
  void after_sleep();
  bool same_group(const Loop& other) const;

  static inline constinit thread_local Loop* current_ = nullptr;

  std::unique_ptr<Uv> uv_;
  std::unique_ptr<Lanes> lanes_;
  Loops* group_ = nullptr;
  size_t index_ = 0;
  bool again_ = false;
  std::vector<std::shared_ptr<HookEntry>> hooks_[3];
  std::vector<Loop*> to_wake_;
};

// A hook's registration; ends with its life.
class Loop::Hook {
 public:
  Hook() = default;
  Hook(Hook&&) noexcept = default;
  Hook& operator=(Hook&& other) noexcept {
    entry_.swap(other.entry_);
    return *this;
  }
  ~Hook();

 private:
  friend class Loop;
  explicit Hook(std::shared_ptr<HookEntry> entry) : entry_(std::move(entry)) {}
  std::shared_ptr<HookEntry> entry_;
};

// A group of loops, one thread each, with a ring for every pair.
class Loops {
 public:
  explicit Loops(size_t count);
  ~Loops();  // stops and joins

  size_t size() const { return loops_.size(); }
  Loop& operator[](size_t index) { return *loops_[index]; }

  // Starts a thread per loop that runs `body(loop)`; body makes what lives on the loop, calls loop.run(), and
  // destroys it again, all on the loop's own thread.
  void start(std::function<void(Loop&)> body);
  void stop();  // any thread
  void join();

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace headrace
