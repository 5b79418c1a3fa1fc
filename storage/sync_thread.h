// SyncThread: takes one batch at a time from the owner of a partition and returns when it is durable.
//
// Operation: submit() hands a batch over while idle(); when it is durable, `wake` is called and
// take_finished() hands it back. After an error nothing is ever finished again. Lives on: its own thread; the
// public functions on the owner's, but for durable_lsn(). Limits: one batch in flight.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "storage/log_writer.h"

namespace headrace {

class SyncThread {
 public:
  struct Finished {
    RawBatch batch;        // for its buffer to be used again
    LogPosition position;  // where it stands
    LogPosition end;       // behind it
    Micros duration_us = 0;
    size_t written_bytes = 0;
    uint64_t segments_opened = 0;  // since the start
  };

  SyncThread(LogWriter writer, Clock& clock, std::function<void()> wake,
             std::function<void(const Problem&)> fail_stop);
  ~SyncThread();  // finishes the batch in hand
  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;

  bool idle() const { return stage_.load(std::memory_order_acquire) == Stage::idle; }
  void submit(RawBatch batch);  // precondition: idle()
  std::optional<Finished> take_finished();
  // Waits until the batch in hand is durable; false where the disk failed or was not done after `at_most_us`.
  // Precondition: !idle().
  bool wait_finished(Micros at_most_us);
  bool failed() const { return stage_.load(std::memory_order_acquire) == Stage::failed; }

  Lsn durable_lsn() const { return durable_lsn_.load(std::memory_order_acquire); }  // any thread

 private:
  enum class Stage : uint8_t { idle, busy, finished, failed };
  void run();
  void write_batch();

  LogWriter writer_;
  Clock& clock_;
  std::function<void()> wake_;
  std::function<void(const Problem&)> fail_stop_;
  std::atomic<Stage> stage_{Stage::idle};
  std::atomic<Lsn> durable_lsn_;
  Finished work_;  // the owner's while idle or finished, the thread's while busy

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace headrace
