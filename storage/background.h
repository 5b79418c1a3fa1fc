// Background: the second thread of a partition. Makes checkpoints durable, zero-fills the next segment,
// watches space.
//
// Operation: a checkpoint goes before the next MiB of zeros. A failed checkpoint is fail-stop; a failed
// zero-fill only means that the log goes on without a spare segment. Limits: one checkpoint at a time (rule
// R), one spare segment.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "storage/checkpoint_store.h"
#include "storage/log_writer.h"

namespace headrace {

struct BackgroundOptions {
  PartitionPlace place;
  Clock* clock = nullptr;
  Disk* disk = nullptr;
  size_t segment_bytes = 0;
  uint64_t free_bytes_min = 0;
  std::function<void()> wake;
  std::function<void(const Problem&)> fail_stop;
};

class Background final : public SegmentSource {
 public:
  Background(BackgroundOptions options, std::unique_ptr<CheckpointStore> checkpoints);
  ~Background() override;  // finishes the checkpoint in hand

  // Owner thread. Precondition: none in flight. `hurried`: without rests.
  void submit(const Checkpoint& checkpoint, bool hurried);
  // Owner thread: the checkpoint submitted is durable. Once per submit.
  bool take_finished();
  bool in_flight() const { return in_flight_; }
  // Owner thread: waits until take_finished() would say yes; false where the disk failed.
  bool wait_finished();
  CheckpointStore& checkpoints() { return *checkpoints_; }
  void fail(const Problem& problem) { options_.fail_stop(problem); }

  bool disk_full() const { return disk_full_.load(std::memory_order_relaxed); }

  void want() override;
  std::optional<Spare> take() override;

 private:
  enum class Fill : uint8_t { none, wanted, filling, ready };
  void check_space();
  void run();
  void check_space_if_due(std::unique_lock<std::mutex>& lock);
  void work(std::unique_lock<std::mutex>& lock);
  void make_durable(std::unique_lock<std::mutex>& lock);
  Result<> write_back(uint32_t generation);
  void rest(Micros time_us);
  void fill_step(std::unique_lock<std::mutex>& lock);
  Result<> fill_more();
  std::string spare_path() const { return options_.place.log() + "/spare.tmp"; }

  BackgroundOptions options_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  bool in_flight_ = false;  // owner's view
  std::atomic<bool> disk_full_{false};
  std::atomic<bool> room_for_spare_{true};
  Micros space_checked_us_ = 0;  // by the thread alone, but for the first time

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Checkpoint> pending_;  // from here on under mutex_
  bool finished_ = false, failed_ = false, stop_ = false;
  bool hurried_ = false;  // to make the checkpoint durable: perhaps the owner stands still meanwhile
  Fill fill_ = Fill::none;
  Spare spare_;  // this thread's while filling
  std::thread thread_;
};

}  // namespace headrace
