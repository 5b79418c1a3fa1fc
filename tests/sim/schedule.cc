// Handing the turn from thread to thread, one semaphore each.
#include "tests/sim/schedule.h"

#include <algorithm>

#include "src/base/check.h"
#include "tests/sim/libc.h"

namespace headrace::sim {
namespace {

constexpr uint64_t early_timeout_one_in = 256;  // a timed wait may run out while others could go on...
constexpr Micros early_timeout_us_max = 1 * second_us;  // ...but no operation takes longer than this
constexpr uint64_t step_us_max = 40;            // of time per turn

}  // namespace

thread_local Schedule::Thread* Schedule::self_ = nullptr;

Schedule::Schedule(uint64_t seed) : dice_(seed), stay_in_16_(dice_.below(15)) {
  CHECK(self_ == nullptr);
  self_ = &add();
  self_->id = ::pthread_self();
}

Schedule::~Schedule() {
  for (const auto& thread : threads_) CHECK(thread.get() == self_ || thread->stage == Stage::ended);
  for (const auto& thread : threads_) ::sem_destroy(&thread->turn);
  self_ = nullptr;
}

Schedule* Schedule::of_this_thread() { return self_ == nullptr ? nullptr : self_->schedule; }

Schedule::Thread& Schedule::add() {
  Thread& thread = *threads_.emplace_back(std::make_unique<Thread>());
  thread.schedule = this;
  ::sem_init(&thread.turn, 0, 0);
  return thread;
}

void Schedule::pass() {
  now_ += static_cast<Micros>(1 + dice_.below(step_us_max));
  if (dice_.below(16) >= stay_in_16_) hand_over();
}

bool Schedule::wait(const void* what, std::optional<Micros> until) {
  self_->stage = Stage::waiting;
  self_->waits_for = what;
  self_->until = until;
  self_->notified = false;
  hand_over();
  return self_->notified;
}

void Schedule::notify(const void* what, bool all) {
  for (const auto& thread : threads_) {
    if (thread->stage != Stage::waiting || thread->waits_for != what) continue;
    thread->notified = true;
    thread->stage = Stage::ready;
    if (!all) return;
  }
}

int Schedule::create(pthread_t* id, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  Thread& thread = add();
  thread.body = body;
  thread.argument = argument;
  int code = LIBC(pthread_create)(id, attributes, &Schedule::run, &thread);
  if (code != 0) thread.stage = Stage::ended;
  thread.id = *id;
  return code;
}

void* Schedule::run(void* of) {
  self_ = static_cast<Thread*>(of);
  while (::sem_wait(&self_->turn) != 0) continue;
  void* result = self_->body(self_->argument);
  self_->stage = Stage::ended;
  self_->schedule->notify(self_, true);
  self_->schedule->hand_over();
  self_ = nullptr;
  return result;
}

void Schedule::await_end(pthread_t id) {
  auto of = std::ranges::find_if(threads_, [&](const auto& thread) {
    return thread->stage != Stage::ended && ::pthread_equal(thread->id, id) != 0;
  });
  if (of == threads_.end()) return;
  const Thread* thread = of->get();
  while (thread->stage != Stage::ended) wait(thread, std::nullopt);
}

void Schedule::hand_over() {
  Thread* next = choose();
  Thread* self = self_;
  if (next == self) return;
  bool ended = self->stage == Stage::ended;
  ::sem_post(&next->turn);
  while (!ended && ::sem_wait(&self->turn) != 0) continue;
}

Schedule::Thread* Schedule::choose() {
  std::vector<Thread*> ready;
  for (const auto& thread : threads_) {
    if (thread->stage == Stage::ready) ready.push_back(thread.get());
  }
  Thread* late = ready.empty() || dice_.one_in(early_timeout_one_in) ? first_timeout() : nullptr;
  if (late != nullptr && (ready.empty() || *late->until < now_ + early_timeout_us_max)) {
    late->stage = Stage::ready;
    now_ = std::max(now_, *late->until);
    return late;
  }
  CHECK(!ready.empty());  // else: all wait for each other
  return ready[dice_.below(ready.size())];
}

Schedule::Thread* Schedule::first_timeout() {
  Thread* first = nullptr;
  for (const auto& thread : threads_) {
    bool timed = thread->stage == Stage::waiting && thread->until.has_value();
    if (timed && (first == nullptr || *thread->until < *first->until)) first = thread.get();
  }
  return first;
}

}  // namespace headrace::sim
