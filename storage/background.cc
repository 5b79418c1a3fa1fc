// The loop of the background thread.
#include "storage/background.h"

#include <algorithm>
#include <chrono>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr size_t fill_step_bytes = 1024 * 1024;
constexpr size_t fill_sync_bytes = 8 * fill_step_bytes;  // so that no other sync waits for more than this
constexpr auto space_check_every = std::chrono::milliseconds(250);

}  // namespace

Background::Background(BackgroundOptions options, std::unique_ptr<CheckpointStore> checkpoints)
    : options_(std::move(options)), checkpoints_(std::move(checkpoints)) {
  check_space();
  thread_ = std::thread([this] { run(); });
}

Background::~Background() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (spare_.file) (void)options_.disk->remove(spare_path());
}

void Background::submit(const Checkpoint& checkpoint) {
  CHECK(!in_flight_);  // rule R
  in_flight_ = true;
  {
    std::lock_guard lock(mutex_);
    pending_ = checkpoint;
  }
  changed_.notify_all();
}

bool Background::take_finished() {
  if (!in_flight_) return false;
  std::lock_guard lock(mutex_);
  if (!finished_) return false;
  finished_ = false;
  in_flight_ = false;
  return true;
}

bool Background::wait_finished() {
  CHECK(in_flight_);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return finished_ || failed_; });
  return finished_;
}

void Background::check_space() {
  auto space = options_.disk->space(options_.place.path);
  if (!space) return;
  uint64_t floor =
      options_.free_bytes_min == 0 ? 0 : std::max(options_.free_bytes_min, space->total_bytes / 20);
  disk_full_.store(space->free_bytes < floor, std::memory_order_relaxed);
}

void Background::want() {
  {
    std::lock_guard lock(mutex_);
    if (fill_ != Fill::none) return;
    fill_ = Fill::wanted;
  }
  changed_.notify_all();
}

std::optional<SegmentSource::Spare> Background::take() {
  std::lock_guard lock(mutex_);
  if (fill_ != Fill::ready) return std::nullopt;
  fill_ = Fill::none;
  return std::move(spare_);
}

void Background::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    work(lock);
    bool busy = pending_.has_value() || fill_ == Fill::wanted || fill_ == Fill::filling;
    if (stop_ || (busy && !failed_)) continue;
    if (changed_.wait_for(lock, space_check_every) == std::cv_status::timeout) {
      lock.unlock();
      check_space();
      lock.lock();
    }
  }
  if (pending_ && !failed_) make_durable(lock);
}

void Background::work(std::unique_lock<std::mutex>& lock) {
  if (failed_) return;
  if (pending_) {
    make_durable(lock);
  } else if (fill_ == Fill::wanted || fill_ == Fill::filling) {
    fill_step(lock);
  }
}

void Background::make_durable(std::unique_lock<std::mutex>& lock) {
  Checkpoint checkpoint = *pending_;
  lock.unlock();
  auto done = checkpoints_->make_durable(checkpoint);
  if (!done) options_.fail_stop(done.problem());
  lock.lock();
  pending_.reset();
  (done.ok() ? finished_ : failed_) = true;
  changed_.notify_all();
  lock.unlock();
  if (options_.wake) options_.wake();
  lock.lock();
}

void Background::fill_step(std::unique_lock<std::mutex>& lock) {
  fill_ = Fill::filling;
  lock.unlock();
  auto done = fill_more();
  if (!done) {  // the log can do without
    spare_.file.reset();
    (void)options_.disk->remove(spare_path());
  }
  lock.lock();
  if (!done) fill_ = Fill::none;
  if (done.ok() && spare_.bytes == options_.segment_bytes) fill_ = Fill::ready;
}

Result<> Background::fill_more() {
  if (!spare_.file) {
    if (disk_full()) return Error::storage_full;
    TRY_DONE(options_.disk->remove(spare_path()));
    auto file = options_.disk->open(spare_path(), OpenMode::create);
    if (!file) return file.problem();
    spare_ = {std::move(*file), spare_path(), 0};
  }
  std::string zeros(std::min(fill_step_bytes, options_.segment_bytes - spare_.bytes), '\0');
  TRY_DONE(spare_.file->write_at(zeros, spare_.bytes));
  spare_.bytes += zeros.size();
  bool due = spare_.bytes % fill_sync_bytes == 0 || spare_.bytes == options_.segment_bytes;
  if (due) TRY_DONE(spare_.file->sync());
  return Done{};
}

}  // namespace headrace
