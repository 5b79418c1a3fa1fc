// FoldOutbox: folds on their way from one partition to the others, in order, until each is
// acknowledged.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"
#include "src/features/fold_payload.h"

namespace headrace {

using features::FoldRank;

// Folds of one source for one target, in the order of their ranks; logged there as one record.
struct FoldBatch {
  uint32_t source = 0, count = 0;
  FoldRank first = 0, last = 0;
  std::string folds;  // what a FoldWriter wrote, from a beginning on
};

// Lives on: the source partition's loop. Limits: full() says when its owner must refuse more.
class FoldOutbox {
 public:
  FoldOutbox(uint32_t source, uint32_t partitions) : source_(source), targets_(partitions) {}

  uint32_t targets() const { return static_cast<uint32_t>(targets_.size()); }

  // Where the next fold for `target` is to be appended. `begins`: it must be readable without what stands
  // before it. Folds leave in whole runs from one beginning to the next; a run ends when take() is called, or
  // at limits::fold_run_bytes_max.
  struct Room {
    std::string& folds;
    bool begins;
  };
  Room room(uint32_t target);
  // What comes next must be readable by itself.
  void end_runs();
  // It stands there now. `lsn` and `rank` never fall from call to call.
  void added(uint32_t target, Lsn lsn, FoldRank rank);

  // What may go to `target` now: the runs that end up to `durable`, unless a batch is already on its way.
  // Null if nothing.
  std::shared_ptr<const FoldBatch> take(uint32_t target, Lsn durable);

  // The batch on its way to `target` is applied there.
  void applied(uint32_t target);
  // The oldest batch applied at `target` is durable there.
  void durable(uint32_t target) { targets_[target].applied.pop_front(); }

  // The oldest event whose folds are not all applied.
  std::optional<Lsn> oldest_unapplied() const;
  // The oldest event whose folds are not all durable at their targets.
  std::optional<Lsn> oldest() const;
  bool empty() const { return !oldest(); }
  // A target is so far behind that nothing more should be taken in (limits::fold_outbox_bytes_max).
  bool full() const;

 private:
  struct Run {
    Lsn first_lsn, last_lsn;
    FoldRank first, last;
    uint32_t count;
    size_t end;  // in `folds`
  };
  struct Target {
    std::vector<Run> waiting;  // [first_waiting, ...) are there still
    size_t first_waiting = 0;
    bool open = false;  // the last run may grow
    std::string folds;
    std::optional<Lsn> sent;  // the first LSN of the batch on its way
    std::deque<Lsn> applied;  // the first LSNs of batches that are applied and not yet durable
  };

  static size_t end_of_taken(const Target& target);
  static void cut_front(Target& target);
  static std::optional<Lsn> unapplied(const Target& target);

  const uint32_t source_;
  std::vector<Target> targets_;
};

}  // namespace headrace
