// The loop of the sync thread.
#include "storage/sync_thread.h"

#include <chrono>

#include "src/base/check.h"

namespace headrace {

SyncThread::SyncThread(LogWriter writer, Clock& clock, std::function<void()> wake,
                       std::function<void(const Problem&)> fail_stop)
    : writer_(std::move(writer)),
      clock_(clock),
      wake_(std::move(wake)),
      fail_stop_(std::move(fail_stop)),
      durable_lsn_(writer_.end().lsn - 1),
      thread_([this] { run(); }) {}

SyncThread::~SyncThread() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SyncThread::submit(RawBatch batch) {
  CHECK(idle());
  work_.batch = std::move(batch);
  {
    std::lock_guard lock(mutex_);
    stage_.store(Stage::busy, std::memory_order_release);
  }
  changed_.notify_all();
}

std::optional<SyncThread::Finished> SyncThread::take_finished() {
  if (stage_.load(std::memory_order_acquire) != Stage::finished) return std::nullopt;
  Finished finished = std::move(work_);
  stage_.store(Stage::idle, std::memory_order_release);
  return finished;
}

bool SyncThread::wait_finished(Micros at_most_us) {
  CHECK(!idle());
  std::unique_lock lock(mutex_);
  auto left = [this] { return stage_.load(std::memory_order_acquire) != Stage::busy; };
  return changed_.wait_for(lock, std::chrono::microseconds(at_most_us), left) && !failed();
}

void SyncThread::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || stage_.load(std::memory_order_acquire) == Stage::busy; });
    if (stage_.load(std::memory_order_acquire) != Stage::busy) return;
    lock.unlock();
    write_batch();
    if (wake_) wake_();
    lock.lock();
  }
}

void SyncThread::write_batch() {
  Micros start = clock_.monotonic();
  auto done = writer_.write(work_.batch);
  if (!done) fail_stop_(done.problem());
  if (done.ok()) {
    work_.position = writer_.position();
    work_.end = writer_.end();
    work_.duration_us = clock_.monotonic() - start;
    work_.written_bytes = writer_.written_bytes();
    work_.segments_opened = writer_.segments_opened();
    durable_lsn_.store(writer_.end().lsn - 1, std::memory_order_release);
  }
  std::lock_guard lock(mutex_);
  stage_.store(done.ok() ? Stage::finished : Stage::failed, std::memory_order_release);
  changed_.notify_all();
}

}  // namespace headrace
