// The loop around uv_run: mail and hooks are handled after the poll (uv_check) and once more before it sleeps
// (uv_prepare), because timers and closing callbacks run in between.
#include "src/runtime/loop.h"

#include <uv.h>

#include <algorithm>
#include <atomic>

#include "src/base/check.h"
#include "src/runtime/mail.h"
#include "src/runtime/wake.h"

namespace headrace {

struct Loop::Uv {
  uv_loop_t loop;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;  // while it runs, the poll does not sleep
  Wake wake;
  std::atomic<bool> stopping{false};
};

struct Loop::Mail {
  std::vector<std::unique_ptr<Lane>> lanes;  // by index of the sending loop; none from itself
  Inbox inbox;
};

struct Loop::HookEntry {
  Loop& loop;
  Stage stage;
  std::function<void()> run;  // empty once the registration has ended
};

struct LoopCalls {
  static void prepare(uv_prepare_t* handle) { static_cast<Loop*>(handle->data)->before_sleep(); }
  static void check(uv_check_t* handle) { static_cast<Loop*>(handle->data)->after_sleep(); }
};

Loop::Loop() : uv_(std::make_unique<Uv>()), mail_(std::make_unique<Mail>()) {
  CHECK(uv_loop_init(&uv_->loop) == 0);
  uv_->wake.open(&uv_->loop);
  CHECK(uv_prepare_init(&uv_->loop, &uv_->prepare) == 0);
  CHECK(uv_check_init(&uv_->loop, &uv_->check) == 0);
  CHECK(uv_idle_init(&uv_->loop, &uv_->idle) == 0);
  uv_->prepare.data = uv_->check.data = this;
  CHECK(uv_prepare_start(&uv_->prepare, &LoopCalls::prepare) == 0);
  CHECK(uv_check_start(&uv_->check, &LoopCalls::check) == 0);
}

Loop::~Loop() {
  deliver_mail(Delivery::drop);
  uv_->wake.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&uv_->prepare), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&uv_->check), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&uv_->idle), nullptr);
  for (int turn = 0; turn < 8 && uv_run(&uv_->loop, UV_RUN_NOWAIT) != 0; ++turn) {
  }                                       // closing callbacks, also of what lived on the loop
  CHECK(uv_loop_close(&uv_->loop) == 0);  // everything that lived on the loop was closed before it
  for (auto& hooks : hooks_) CHECK(hooks.empty());
}

void Loop::run() {
  CHECK(current_ == nullptr || current_ == this);
  Loop* outer = std::exchange(current_, this);
  uv_run(&uv_->loop, UV_RUN_DEFAULT);
  uv_->stopping.store(false, std::memory_order_relaxed);
  current_ = outer;
}

void Loop::stop() {
  uv_->stopping.store(true, std::memory_order_release);
  uv_->wake.call();
}

Micros Loop::now() const { return static_cast<Micros>(uv_now(&uv_->loop)) * 1000; }

uv_loop_s* Loop::uv() { return &uv_->loop; }

void Loop::join_group(Loops& group, size_t index, size_t size) {
  group_ = &group;
  index_ = index;
  mail_->lanes.resize(size);
  for (size_t i = 0; i < size; ++i) {
    if (i != index) mail_->lanes[i] = std::make_unique<Lane>();
  }
}

// --- sending

bool Loop::same_group(const Loop* other) const {
  return other != nullptr && other != this && group_ != nullptr && other->group_ == group_;
}

bool Loop::post_message(Message& message) {
  if (Loop* from = current_; same_group(from)) {
    if (!mail_->lanes[from->index_]->requests.push(message)) return false;
    from->note_wake(*this);
    return true;
  }
  if (mail_->inbox.size() >= limits::inbox_messages_max) return false;
  hand_over(message);
  return true;
}

void Loop::hand_over(Message& message) {
  mail_->inbox.push(message);
  if (current_ != this) uv_->wake.call();  // our own mail is looked at before we sleep
}

bool Loop::request(Loop& from, Message& message) {
  if (!same_group(&from)) return post_message(message);
  size_t& in_flight = from.mail_->lanes[index_]->in_flight;
  if (in_flight == limits::ring_messages_max) return false;
  if (!mail_->lanes[from.index_]->requests.push(message)) return false;
  ++in_flight;
  from.note_wake(*this);
  return true;
}

void Loop::reply(Loop& from, Message& message) {
  if (!same_group(&from)) return hand_over(message);
  CHECK(mail_->lanes[from.index_]->replies.push(message));
  from.note_wake(*this);
}

void Loop::note_wake(Loop& target) {
  if (std::find(to_wake_.begin(), to_wake_.end(), &target) == to_wake_.end()) to_wake_.push_back(&target);
}

void Loop::send_wakes() {
  for (Loop* target : to_wake_) target->uv_->wake.call();
  to_wake_.clear();
}

// --- receiving

void Loop::deliver_mail(Delivery delivery) {
  mail_->inbox.deliver(delivery);
  for (auto& lane : mail_->lanes) {
    if (!lane) continue;
    lane->replies.deliver(delivery, [&lane] { --lane->in_flight; });
    lane->requests.deliver(delivery, [] {});
  }
}

bool Loop::mail_waiting() const {
  if (!mail_->inbox.empty()) return true;
  for (auto& lane : mail_->lanes) {
    if (lane && !(lane->requests.empty() && lane->replies.empty())) return true;
  }
  return false;
}

// --- the end of an iteration

void Loop::settle() {
  for (size_t round = 0; round < limits::settle_rounds_max; ++round) {
    again_ = false;
    deliver_mail(Delivery::run);
    run_stage(Stage::input);
    run_stage(Stage::work);
    send_wakes();  // others work while we write
    run_stage(Stage::output);
    if (!again_) break;
  }
  send_wakes();
  if (uv_->stopping.load(std::memory_order_acquire)) uv_stop(&uv_->loop);
}

void Loop::run_stage(Stage stage) {
  auto& hooks = hooks_[static_cast<size_t>(stage)];
  bool ended = false;
  in_stage_ = true;
  for (size_t i = 0; i < hooks.size(); ++i) {  // by index: a hook may register another
    if (hooks[i]->run) hooks[i]->run();
    ended |= !hooks[i]->run;
  }
  in_stage_ = false;
  if (ended) std::erase_if(hooks, [](auto& entry) { return !entry->run; });
}

void Loop::poll_again() {
  CHECK(uv_idle_start(&uv_->idle, [](uv_idle_t*) {}) == 0);
}

void Loop::before_sleep() {
  about_to_sleep_ = true;
  settle();
  about_to_sleep_ = false;
  uv_->wake.fall_asleep();
  if (again_ || mail_waiting() || uv_->stopping.load(std::memory_order_acquire)) uv_->wake.call();
}

void Loop::after_sleep() {
  uv_idle_stop(&uv_->idle);
  uv_->wake.awake();
  settle();
}

Loop::Hook Loop::at_end_of_iteration(Stage stage, std::function<void()> hook) {
  auto& hooks = hooks_[static_cast<size_t>(stage)];
  hooks.push_back(std::make_unique<HookEntry>(HookEntry{*this, stage, std::move(hook)}));
  return Hook(hooks.back().get());
}

Loop::Hook::~Hook() {
  if (entry_ == nullptr) return;
  if (entry_->loop.in_stage_) {
    entry_->run = nullptr;  // perhaps it is running: run_stage() removes it
    return;
  }
  auto& hooks = entry_->loop.hooks_[static_cast<size_t>(entry_->stage)];
  std::erase_if(hooks, [this](auto& entry) { return entry.get() == entry_; });
}

}  // namespace headrace
