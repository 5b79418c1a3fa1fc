// IdKeeper: writing, merging and forgetting runs behind the owner's back.
#include "storage/id_keeper.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "src/base/check.h"
#include "src/base/log.h"

namespace headrace {
namespace {

constexpr int status_fail_stop = 70;  // EX_SOFTWARE of sysexits.h

uint64_t filter_bytes(const std::vector<std::shared_ptr<IdRun>>& runs) {
  uint64_t bytes = 0;
  for (const auto& run : runs) bytes += run->filter().byte_count();
  return bytes;
}

}  // namespace

IdKeeper::IdKeeper(const IdIndex::Options& options, IdLoaded loaded)
    : options_(options),
      first_lsn_(loaded.first_lsn),
      covered_(loaded.covered),
      runs_(std::move(loaded.runs)),
      written_to_(loaded.covered),
      marks_(std::move(loaded.marks)) {
  keep_filter_limit();
  publish();
  thread_ = std::thread([this] { run(); });
}

IdKeeper::~IdKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void IdKeeper::write(std::shared_ptr<const IdTable> table, IdRunSpan span, std::vector<IdMark> marks) {
  {
    std::lock_guard lock(mutex_);
    CHECK(!waiting_);
    waiting_ = std::move(table);
    waiting_span_ = span;
    waiting_marks_ = std::move(marks);
    table_waits_ = true;
  }
  work_.notify_one();
}

std::shared_ptr<const IdSnapshot> IdKeeper::take() {
  std::lock_guard lock(mutex_);
  news_ = false;
  return published_;
}

void IdKeeper::wait_for_news() {
  std::unique_lock lock(mutex_);
  news_came_.wait(lock, [this] { return news_.load(); });
}

Result<> IdKeeper::wait_until_covered(uint64_t lsn) {
  std::unique_lock lock(mutex_);
  const uint64_t failures = counters_.write_failures;
  news_came_.wait(lock, [&] { return covered() >= lsn || counters_.write_failures != failures; });
  if (covered() >= lsn || !failure_) return Done{};
  return *failure_;
}

void IdKeeper::recycle(std::shared_ptr<IdTable> table) {
  {
    std::lock_guard lock(mutex_);
    recycled_ = std::move(table);
  }
  work_.notify_one();
}

std::shared_ptr<IdTable> IdKeeper::spare() {
  std::lock_guard lock(mutex_);
  spare_bytes_ = 0;
  return std::move(spare_);
}

void IdKeeper::forget_before(uint64_t lsn) {
  {
    std::lock_guard lock(mutex_);
    raise_first_lsn(lsn);
  }
  work_.notify_one();
}

void IdKeeper::raise_first_lsn(uint64_t lsn) {
  uint64_t now = first_lsn_;
  while (now < lsn && !first_lsn_.compare_exchange_weak(now, lsn)) {
  }
}

void IdKeeper::report_damage(const Problem& problem) {
  log_line(Level::error, "dedup_run_damaged", {{"problem", std::string_view(problem.text())}});
  (void)options_.disk->remove(
      problem.field);  // the next open then rebuilds from the log; if it stays, it stops again
  if (options_.fail_stop) return options_.fail_stop(problem);
  flush_log();
  std::_Exit(status_fail_stop);
}

// From here on: the keeper's thread.

void IdKeeper::run() {
  while (wait_for_work()) {
    bool good = write_waiting_table();
    clear_recycled();
    keep_filter_limit();
    good = forget() && good;
    retry_later_ = !(good && merge_once());
  }
}

bool IdKeeper::wait_for_work() {
  std::unique_lock lock(mutex_);
  if (retry_later_)
    work_.wait_for(lock, std::chrono::microseconds(limits::id_retry_us), [this] { return stopping_.load(); });
  else
    work_.wait(lock, [this] { return stopping_ || work_is_due(); });
  return !stopping_;
}

bool IdKeeper::work_is_due() const {
  return waiting_ || recycled_ || floor_due_ || runs_outside_window() > 0 || next_merge();
}

bool IdKeeper::write_waiting_table() {
  std::shared_ptr<const IdTable> table;
  IdRunSpan span;
  std::vector<IdMark> marks;
  {
    std::lock_guard lock(mutex_);
    table = waiting_;
    span = waiting_span_;
    marks = waiting_marks_;
  }
  if (!table) return true;
  if (!write_run(*table, span)) return false;
  written_to_ = span.to;
  if (marks_ != marks) {
    marks_ = std::move(marks);
    write_floor();
  }
  table.reset();  // the owner recycles it as soon as it sees the news
  publish();
  return true;
}

bool IdKeeper::write_run(const IdTable& table, IdRunSpan span) {
  auto writer = IdRunWriter::create(*options_.disk, options_.dir, options_.log_identity, span, table.count());
  if (!writer.ok()) return failed(writer.problem());
  for (const IdEntry& entry : table.sorted())
    if (auto added = (*writer)->add(entry); !added.ok()) return failed(added.problem());
  auto run = (*writer)->finish();
  if (!run.ok()) return failed(run.problem());
  runs_.push_back(std::move(*run));
  ++counters_.spills;
  wrote();
  return true;
}

void IdKeeper::clear_recycled() {
  std::shared_ptr<IdTable> table;
  {
    std::lock_guard lock(mutex_);
    table = std::move(recycled_);
  }
  if (!table || table->capacity() > options_.memory_entries) return;
  table->clear();
  std::lock_guard lock(mutex_);
  spare_ = std::move(table);
  spare_bytes_ = spare_->bytes();
}

void IdKeeper::keep_filter_limit() {
  uint64_t bytes = filter_bytes(runs_);
  for (size_t i = 0; i < runs_.size() && bytes > options_.filter_bytes_max; ++i) {
    bytes -= runs_[i]->filter().byte_count();
    if (runs_[i]->header().to < first_lsn()) continue;
    raise_first_lsn(runs_[i]->header().to + 1);
    ++counters_.window_shrinks;
    counters_.forgotten_ids += runs_[i]->header().count;
  }
}

size_t IdKeeper::runs_outside_window() const {
  size_t count = 0;
  while (count < runs_.size() && runs_[count]->header().to < first_lsn()) ++count;
  return count;
}

bool IdKeeper::write_floor() {
  auto written = write_id_floor(*options_.disk, options_.dir, {first_lsn(), marks_});
  floor_due_ = !written.ok();
  if (floor_due_) return failed(written.problem());
  wrote();
  return true;
}

// FLOOR first. If it cannot be written the runs go all the same, to make room: without FLOOR the next open
// misses them and rebuilds.
bool IdKeeper::forget() {
  const size_t outside = runs_outside_window();
  if (outside == 0 && !floor_due_) return true;
  const bool written = write_floor();
  if (outside > 0) drop_oldest(outside);
  return written;
}

void IdKeeper::drop_oldest(size_t count) {
  for (size_t i = 0; i < count; ++i) (void)options_.disk->remove(runs_[i]->path());
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(count));
  publish();
}

// A merged run holds at most a quarter of what the filter limit allows: so much goes at once when it is
// reached.
std::optional<IdMergeWindow> IdKeeper::next_merge() const {
  if (!merging_) return std::nullopt;
  std::vector<uint64_t> sizes;
  for (const auto& run : runs_) sizes.push_back(run->header().count);
  const uint64_t ids_max = options_.filter_bytes_max * 8 / IdFilter::bits_per_id / 4;
  return choose_merge(sizes, limits::id_runs_max, ids_max);
}

bool IdKeeper::merge_once() {
  const auto window = next_merge();
  if (!window) return true;
  const auto first = runs_.begin() + static_cast<ptrdiff_t>(window->first);
  const std::vector<std::shared_ptr<IdRun>> parts(first, first + static_cast<ptrdiff_t>(window->count));
  const IdMergeRules rules{first_lsn(), UINT64_MAX, [this] { return may_go_on_merging(); }};
  return end_merge(*window, merge_runs(*options_.disk, options_.dir, parts, rules));
}

bool IdKeeper::may_go_on_merging() {
  const bool written = !table_waits_.load(std::memory_order_relaxed) || write_waiting_table();
  return written && !stopping_;
}

bool IdKeeper::end_merge(IdMergeWindow window, const Result<std::shared_ptr<IdRun>>& merged) {
  if (merged.ok()) {
    replace(window, *merged);
    wrote();
    return true;
  }
  if (merged.problem().error == Error::shutting_down) return false;
  if (merged.problem().error != Error::storage_damaged) return failed(merged.problem());
  merging_ = false;
  report_damage(merged.problem());
  return true;
}

void IdKeeper::replace(IdMergeWindow window, std::shared_ptr<IdRun> merged) {
  const auto first = runs_.begin() + static_cast<ptrdiff_t>(window.first);
  for (auto part = first; part != first + static_cast<ptrdiff_t>(window.count); ++part) {
    counters_.merged_entries += (*part)->header().count;
    (void)options_.disk->remove(
        (*part)->path());  // if it stays, the next open finds it within the merged one
  }
  *first = std::move(merged);
  runs_.erase(first + 1, first + static_cast<ptrdiff_t>(window.count));
  ++counters_.merges;
  publish();
}

// All at once: who sees covered() advance finds the run in the snapshot, and room for the next table.
void IdKeeper::publish() {
  auto snapshot = std::make_shared<IdSnapshot>(IdSnapshot{runs_, written_to_});
  std::lock_guard lock(mutex_);
  if (waiting_ && waiting_span_.to <= written_to_) {
    waiting_.reset();
    table_waits_ = false;
  }
  covered_ = written_to_;
  published_ = std::move(snapshot);
  news_.store(true, std::memory_order_release);
  news_came_.notify_all();
}

void IdKeeper::wrote() {
  std::lock_guard lock(mutex_);
  failure_.reset();
}

bool IdKeeper::failed(const Problem& problem) {
  std::lock_guard lock(mutex_);
  if (!failure_)
    log_line(Level::error, "dedup_write_failed", {{"problem", std::string_view(problem.text())}});
  failure_ = problem;
  ++counters_.write_failures;
  news_came_.notify_all();
  return false;
}

}  // namespace headrace
