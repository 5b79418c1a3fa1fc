// IdKeeper: the background half of a dedup index. Writes frozen tables as runs, merges runs, forgets old
// ones.
//
// Operation: the owner hands over a frozen table and goes on; the keeper publishes a new list of runs
// whenever it has changed, and the owner takes it when it sees news(). A waiting table goes before
// everything: a merge stops between blocks for it. A failed write is tried again every limits::id_retry_us.
// Lives on: its own thread; the functions here belong to the owner thread.
// Limits: one waiting table, one spare. Filters of all runs within filter_bytes_max, plus those of one merge
// under way (at most a quarter of that) and of what is written meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "storage/id_index.h"
#include "storage/id_merge.h"
#include "storage/id_recovery.h"
#include "storage/id_run_writer.h"
#include "storage/id_table.h"

namespace headrace {

struct IdSnapshot {
  std::vector<std::shared_ptr<IdRun>> runs;  // oldest first
  uint64_t covered = 0;
};

class IdKeeper {
 public:
  struct Counters {
    std::atomic<uint64_t> spills{0}, merges{0}, merged_entries{0}, write_failures{0}, window_shrinks{0},
        forgotten_ids{0};
  };

  IdKeeper(const IdIndex::Options& options, IdLoaded loaded);
  ~IdKeeper();

  // No other table may be waiting. Its ids have the LSNs of `span`, which begins where the last one ended;
  // `marks` of the window are up to there.
  void write(std::shared_ptr<const IdTable> table, IdRunSpan span, std::vector<IdMark> marks);

  bool news() const { return news_.load(std::memory_order_acquire); }
  std::shared_ptr<const IdSnapshot> take();  // the newest; no more news()
  void wait_for_news();
  Result<> wait_until_covered(uint64_t lsn);  // or until a write has failed

  void recycle(std::shared_ptr<IdTable> table);  // the last owner's; cleared here, then spare
  std::shared_ptr<IdTable> spare();              // may be null
  size_t spare_bytes() const { return spare_bytes_.load(std::memory_order_relaxed); }

  void forget_before(uint64_t lsn);
  uint64_t first_lsn() const { return first_lsn_.load(std::memory_order_relaxed); }
  uint64_t covered() const { return covered_.load(std::memory_order_acquire); }
  const Counters& counters() const { return counters_; }

  // Any thread. Removes the file of a run that cannot be read and tells Options::fail_stop.
  void report_damage(const Problem& problem);

 private:
  void run();
  bool wait_for_work();
  bool work_is_due() const;
  bool write_waiting_table();
  bool write_run(const IdTable& table, IdRunSpan span);
  void clear_recycled();
  void keep_filter_limit();
  bool write_floor();
  bool forget();
  size_t runs_outside_window() const;
  void drop_oldest(size_t count);
  bool merge_once();
  bool may_go_on_merging();
  bool end_merge(IdMergeWindow window, const Result<std::shared_ptr<IdRun>>& merged);
  std::optional<IdMergeWindow> next_merge() const;
  void replace(IdMergeWindow window, std::shared_ptr<IdRun> merged);
  void raise_first_lsn(uint64_t lsn);
  void publish();
  void wrote();
  bool failed(const Problem& problem);

  const IdIndex::Options& options_;
  std::atomic<uint64_t> first_lsn_, covered_;
  std::atomic<bool> news_{false}, table_waits_{false}, stopping_{false};
  std::atomic<size_t> spare_bytes_{0};
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable work_, news_came_;
  std::shared_ptr<const IdTable> waiting_;  // under mutex_, as everything up to the next blank line
  IdRunSpan waiting_span_;
  std::vector<IdMark> waiting_marks_;
  std::shared_ptr<IdTable> recycled_;
  std::shared_ptr<IdTable> spare_;
  std::shared_ptr<const IdSnapshot> published_;
  std::optional<Problem> failure_;  // of the last write, until one succeeds

  std::vector<std::shared_ptr<IdRun>> runs_;  // of the keeper's thread, as everything below
  uint64_t written_to_;                       // LSN
  std::vector<IdMark> marks_;                 // of the window, up to written_to_
  bool floor_due_ = false;  // FLOOR does not say yet which runs are gone, or what is in marks_
  bool retry_later_ = false;                  // something failed: wait before the next try
  bool merging_ = true;  // ends with the first damaged block: the process is about to stop
  std::thread thread_;
};

}  // namespace headrace
