// Schedule: of all threads that storage starts, one runs at a time, and the seed says which.
//
// Operation: threads change at the operations of the simulated disk and where they wait for each other
// (interpose.cc brings pthread's conditions, creation and join here); the time of every clock is the
// schedule's. So a seed fixes the whole history: which thread comes first, what stands on the disk when, which
// timed wait runs out. Not fixed: what a thread does between its last turn and its end (it touches nothing of
// ours). Lives on: the thread that began it and all that these start. Precondition: no thread keeps a mutex
// over an operation of the disk.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <memory>
#include <optional>
#include <vector>

#include "src/base/time.h"
#include "tests/sim/dice.h"

namespace headrace::sim {

class Schedule {
 public:
  explicit Schedule(uint64_t seed);  // the calling thread is the first
  ~Schedule();                       // and the last
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  static Schedule* of_this_thread();  // nullptr: not under one

  void pass();  // others may go on
  // Until notify(what); false where `until` came first.
  bool wait(const void* what, std::optional<Micros> until);
  void notify(const void* what, bool all);
  int create(pthread_t* id, const pthread_attr_t* attributes, void* (*body)(void*), void* argument);
  void await_end(pthread_t id);
  Micros now() const { return now_; }
  uint64_t random() { return dice_.next(); }  // what the system would give

 private:
  enum class Stage : uint8_t { ready, waiting, ended };
  struct Thread {
    Schedule* schedule = nullptr;
    pthread_t id{};
    sem_t turn;
    Stage stage = Stage::ready;
    const void* waits_for = nullptr;
    std::optional<Micros> until;
    bool notified = false;
    void* (*body)(void*) = nullptr;
    void* argument = nullptr;
  };
  static void* run(void* thread);
  Thread& add();
  void hand_over();
  Thread* choose();
  Thread* first_timeout();

  static thread_local Thread* self_;
  Dice dice_;
  uint64_t stay_in_16_;  // how often the running thread goes on
  std::vector<std::unique_ptr<Thread>> threads_;
  Micros now_ = 1'700'000'000 * second_us;
};

}  // namespace headrace::sim
