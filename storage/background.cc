// The loop of the background thread.
#include "storage/background.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr size_t fill_step_bytes = 1024 * 1024;
constexpr size_t fill_sync_bytes = 8 * fill_step_bytes;  // so that no other sync waits for more than this
constexpr Micros space_check_us = 250'000;

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

void Background::submit(const Checkpoint& checkpoint, bool hurried) {
  CHECK(!in_flight_);  // rule R
  in_flight_ = true;
  {
    std::lock_guard lock(mutex_);
    pending_ = checkpoint;
    hurried_ = hurried;
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
  hurried_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return finished_ || failed_; });
  return finished_;
}

void Background::check_space() {
  space_checked_us_ = options_.clock->monotonic();
  auto space = options_.disk->space(options_.place.path);
  if (!space) return;
  const uint64_t reserve = space->reserve_bytes(options_.free_bytes_min);
  disk_full_.store(space->free_bytes < reserve, std::memory_order_relaxed);
  // What is free above the reserve is for records first: zeros ahead of them must not be what fills the disk.
  room_for_spare_.store(space->free_bytes >= reserve + options_.segment_bytes, std::memory_order_relaxed);
}

void Background::check_space_if_due(std::unique_lock<std::mutex>& lock) {
  if (options_.clock->monotonic() - space_checked_us_ < space_check_us) return;
  lock.unlock();
  check_space();
  lock.lock();
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
    check_space_if_due(lock);
    work(lock);
    bool busy = pending_.has_value() || fill_ == Fill::wanted || fill_ == Fill::filling;
    if (stop_ || (busy && !failed_)) continue;
    changed_.wait_for(lock, std::chrono::microseconds(space_check_us));
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
  auto done = write_back(checkpoint.generation);
  if (done.ok()) done = checkpoints_->make_durable(checkpoint);
  if (!done) options_.fail_stop(done.problem());
  lock.lock();
  pending_.reset();
  (done.ok() ? finished_ : failed_) = true;
  changed_.notify_all();
  lock.unlock();
  if (options_.wake) options_.wake();
  lock.lock();
}

// The pages of the state go to the disk in small pieces with rests between them: all at once they would hold up
// the syncs of the log, for whose end somebody waits.
Result<> Background::write_back(uint32_t generation) {
  auto state = checkpoints_->data(generation);
  if (!state.ok()) return state.problem();
  auto size = (*state)->size();
  if (!size.ok()) return size.problem();
  // Of a large state larger pieces: each costs a call, also where nothing is dirty.
  const uint64_t piece = std::max<uint64_t>(limits::write_back_bytes, *size / limits::write_back_pieces_max);
  for (uint64_t at = 0; at < *size; at += piece) {
    Micros start = options_.clock->monotonic();
    TRY_DONE((*state)->write_back(at, piece));
    rest(limits::write_back_pause * (options_.clock->monotonic() - start));
  }
  return Done{};
}

void Background::rest(Micros time_us) {
  constexpr Micros not_worth_it_us = 100;  // nothing was dirty there
  if (time_us < not_worth_it_us) return;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(std::min(time_us, limits::write_back_rest_us_max)),
                    [this] { return stop_ || hurried_; });
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
    if (!room_for_spare_.load(std::memory_order_relaxed)) return Error::storage_full;
    TRY_DONE(options_.disk->remove(spare_path()));
    auto file = options_.disk->open(spare_path(), OpenMode::create);
    if (!file) return file.problem();
    spare_ = {std::move(*file), spare_path(), 0};
    spare_.file->bypass_cache(true);  // nobody reads these zeros: they need not be copied nor take memory
  }
  alignas(disk_page_bytes) static std::array<char, fill_step_bytes> all_zeros{};  // not const: no part of the binary
  auto zeros = std::string_view(all_zeros.data(), all_zeros.size()).substr(0, options_.segment_bytes - spare_.bytes);
  TRY_DONE(spare_.file->write_at(zeros, spare_.bytes));
  spare_.bytes += zeros.size();
  bool due = spare_.bytes % fill_sync_bytes == 0 || spare_.bytes == options_.segment_bytes;
  if (due) TRY_DONE(spare_.file->sync());
  if (spare_.bytes == options_.segment_bytes) spare_.file->bypass_cache(false);
  return Done{};
}

}  // namespace headrace
