// Loop: one event loop, run by one thread. Everything a loop owns is touched by that thread only.
//
// Other threads reach it by messages: loops of one group through a bounded ring per pair of loops, foreign
// threads (sync threads, workers, main) through an inbox. A loop that is awake finds its mail at the end of
// its iteration; a sleeping one is woken once, however many messages an iteration of the sender has produced.
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

// The end of an iteration: take in, work on it, give out.
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

  // Once run() has returned for good: what was handed over and never run is dropped, so that its owners may go.
  void drop_mail() { deliver_mail(Delivery::drop); }

  // Runs `hook` at the end of every iteration, as long as the returned value lives. The loop must outlive it.
  class Hook;
  [[nodiscard]] Hook at_end_of_iteration(Stage stage, std::function<void()> hook);

  // For a hook that made new work for an earlier stage: the stages run once more before the loop sleeps.
  void settle_again() { again_ = true; }

  // True while hooks run for the last time before the loop would sleep.
  bool about_to_sleep() const { return about_to_sleep_; }
  // Called by such a hook: the loop looks for what has arrived meanwhile, without sleeping.
  void poll_again();

  // Monotonic time at the start of this iteration (milliseconds' resolution).
  Micros now() const;

  size_t index() const { return index_; }  // within its group
  uv_loop_s* uv();

  // For ask(): a request that is in flight until its reply() has been delivered. False when full.
  [[nodiscard]] bool request(Loop& from, Message& message);
  // For ask(): the way back to this loop, from `from`; never full, because requests in flight are counted.
  void reply(Loop& from, Message& message);

 private:
  friend class Loops;
  friend struct LoopCalls;
  struct Uv;
  struct Mail;
  struct HookEntry;

  bool post_message(Message& message);
  void join_group(Loops& group, size_t index, size_t size);
  bool same_group(const Loop* other) const;
  void deliver_mail(Delivery delivery);
  bool mail_waiting() const;
  void note_wake(Loop& target);
  void send_wakes();
  void settle();
  void run_stage(Stage stage);
  void before_sleep();
  void after_sleep();

  static inline constinit thread_local Loop* current_ = nullptr;

  std::unique_ptr<Uv> uv_;
  std::unique_ptr<Mail> mail_;
  Loops* group_ = nullptr;
  size_t index_ = 0;
  bool again_ = false;
  bool about_to_sleep_ = false;
  bool in_stage_ = false;  // hooks are running
  std::vector<std::unique_ptr<HookEntry>> hooks_[3];
  std::vector<Loop*> to_wake_;
};

// A hook's registration; ends with its life.
class Loop::Hook {
 public:
  Hook() = default;
  Hook(Hook&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  Hook& operator=(Hook&& other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~Hook();

 private:
  friend class Loop;
  explicit Hook(HookEntry* entry) : entry_(entry) {}
  HookEntry* entry_ = nullptr;
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
