// Merging runs of the dedup index: a cursor per run, the smallest hash first.
#include "storage/id_merge.h"

#include <algorithm>

#include "storage/id_run_writer.h"

namespace headrace {
namespace {

class Cursor {
 public:
  explicit Cursor(const IdRun& run) : run_(&run), blocks_(blocks_per_read) {}

  bool ended() const { return at_ == end_; }
  const IdEntry& entry() const { return *at_; }

  // To the next entry of the same block; false where the block ends and next_block() is needed.
  bool step() { return ++at_ != end_; }

  Result<> next_block() {
    if (++block_ >= loaded_) TRY_DONE(load());
    at_ = end_ = blocks_.front().entries.data();
    if (loaded_ == 0) return Done{};
    at_ = blocks_[block_].entries.data();
    end_ = at_ + blocks_[block_].count;
    return Done{};
  }

 private:
  static constexpr size_t blocks_per_read = 64;

  Result<> load() {
    loaded_ = std::min<uint64_t>(blocks_per_read, run_->header().blocks - next_);
    block_ = 0;
    if (loaded_ > 0) TRY_DONE(run_->read_blocks(next_, loaded_, blocks_.data()));
    next_ += loaded_;
    return Done{};
  }

  const IdRun* run_;
  std::vector<IdBlock> blocks_;
  uint64_t next_ = 0, loaded_ = 0, block_ = 0;
  const IdEntry* at_ = nullptr;
  const IdEntry* end_ = nullptr;
};

class Merge {
 public:
  Merge(const std::vector<std::shared_ptr<IdRun>>& runs, const IdMergeRules& rules, IdRunWriter& writer)
      : rules_(rules), writer_(writer) {
    for (const auto& run : runs) cursors_.emplace_back(*run);
  }

  Result<> run() {
    for (Cursor& cursor : cursors_) TRY_DONE(cursor.next_block());
    leave_ended();
    while (!cursors_.empty()) {
      const size_t from = smallest();
      TRY_DONE(keep(cursors_[from].entry()));
      if (cursors_[from].step()) {
        heads_[from] = cursors_[from].entry().hash.high;
      } else {
        TRY_DONE(next_block(from));
      }
    }
    return write_kept();
  }

 private:
  // Without a branch to guess, which run is next being chance; but that two high halves agree almost never
  // happens.
  size_t smallest() const {
    size_t best = 0;
    uint64_t high = heads_[0];
    bool tie = false;
    for (size_t i = 1; i < heads_.size(); ++i) {
      tie |= heads_[i] == high;
      best = heads_[i] < high ? i : best;
      high = std::min(heads_[i], high);
    }
    return tie ? smallest_of_equal() : best;
  }

  size_t smallest_of_equal() const {
    const auto less = [](const Cursor& a, const Cursor& b) { return a.entry().hash < b.entry().hash; };
    return static_cast<size_t>(std::min_element(cursors_.begin(), cursors_.end(), less) - cursors_.begin());
  }

  Result<> next_block(size_t of) {
    if (rules_.between && !rules_.between()) return Error::shutting_down;
    TRY_DONE(cursors_[of].next_block());
    leave_ended();
    return Done{};
  }

  void leave_ended() {
    std::erase_if(cursors_, [](const Cursor& cursor) { return cursor.ended(); });
    heads_.clear();
    for (const Cursor& cursor : cursors_) heads_.push_back(cursor.entry().hash.high);
  }

  Result<> keep(const IdEntry& entry) {
    if (entry.lsn < rules_.first_lsn || entry.lsn > rules_.last_lsn) return Done{};
    if (kept_.lsn != 0 && kept_.hash == entry.hash) {
      kept_.lsn = std::max(kept_.lsn, entry.lsn);
      return Done{};
    }
    TRY_DONE(write_kept());
    kept_ = entry;
    return Done{};
  }

  Result<> write_kept() {
    if (kept_.lsn == 0) return Done{};
    return writer_.add(kept_);
  }

  const IdMergeRules& rules_;
  IdRunWriter& writer_;
  std::vector<Cursor> cursors_;
  std::vector<uint64_t> heads_;  // high halves of their next hashes, side by side
  IdEntry kept_{{0, 0}, 0};      // the last one read; LSN 0: none
};

std::optional<IdMergeWindow> newest_window(const std::vector<uint64_t>& sizes, uint64_t ids_max) {
  std::optional<IdMergeWindow> window;
  uint64_t newer = sizes.back();
  for (size_t i = sizes.size() - 1; i-- > 0; newer += sizes[i]) {
    const bool balanced = sizes[i] <= newer;
    if (newer + sizes[i] > ids_max || (window && !balanced)) break;
    if (balanced) window = IdMergeWindow{i, sizes.size() - i};
  }
  return window;
}

std::optional<IdMergeWindow> cheapest_window(const std::vector<uint64_t>& sizes, uint64_t ids_max) {
  std::optional<IdMergeWindow> window;
  double best = 0;
  for (size_t first = 0; first < sizes.size(); ++first) {
    uint64_t ids = sizes[first];
    for (size_t last = first + 1; last < sizes.size() && ids + sizes[last] <= ids_max; ++last) {
      ids += sizes[last];
      const double cost = static_cast<double>(ids) / static_cast<double>(last - first);
      if (!window || cost < best) window = IdMergeWindow{first, last - first + 1}, best = cost;
    }
  }
  return window;
}

}  // namespace

std::optional<IdMergeWindow> choose_merge(const std::vector<uint64_t>& sizes, size_t runs_max,
                                          uint64_t ids_max) {
  if (sizes.size() <= runs_max || sizes.size() < 2) return std::nullopt;
  auto window = newest_window(sizes, ids_max);
  return window ? window : cheapest_window(sizes, ids_max);
}

Result<std::shared_ptr<IdRun>> merge_runs(Disk& disk, const std::string& dir,
                                          const std::vector<std::shared_ptr<IdRun>>& runs,
                                          const IdMergeRules& rules) {
  const IdRunSpan span{runs.front()->header().from, std::min(runs.back()->header().to, rules.last_lsn)};
  uint64_t count_max = 0;
  for (const auto& run : runs) count_max += run->header().count;
  auto writer = IdRunWriter::create(disk, dir, runs.front()->header().log_identity, span, count_max);
  if (!writer.ok()) return writer.problem();
  TRY_DONE(Merge(runs, rules, **writer).run());
  return (*writer)->finish();
}

}  // namespace headrace
