// Erasures: removes a person from a data directory, so that nothing on its disk holds their id
// (docs/erasure.md).
//
// Operation: one erasure at a time, a document of the control partition says how far it is, and every step
// may be done again: search the log for what was the person's alone; an order into the log of every
// partition, whose fold deletes rows; the segments before that are sealed, the state is made anew from a base
// without freed pages; segments that hold the person are rewritten; the proof is that a second search finds
// nothing. The document holds hashes, never the id, so that a start goes on where a crash interrupted. Lives
// on: the loop of the control partition; the log is read and written on a thread of its own. Limits:
// limits::erasure_*.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "src/events/backfill.h"
#include "src/events/erasure_document.h"
#include "src/events/erasure_rewrite.h"
#include "src/events/shards.h"
#include "src/runtime/offload.h"
#include "src/runtime/task.h"
#include "storage/segment_keeper.h"

namespace headrace {

class Erasures {
 public:
  Erasures(Shards& shards, SegmentKeeper& keeper, Backfill& backfill, Clock& clock)
      : shards_(shards), keeper_(keeper), backfill_(backfill), clock_(clock), worker_(1, 1) {}

  // Any loop. The new erasure of whom `tenant` (empty: the platform) calls `user`, which goes on by itself. Error::conflict while another one runs, or a back-fill.
  Task<Result<Erasure>> begin(std::string user, std::string tenant);
  // Any loop. Error::not_found.
  Task<Result<Erasure>> find(std::string id);
  // On the control partition's loop: goes on with what a crash interrupted; ends when it is done.
  Task<void> resume();
  // On the same loop: the one that runs is left to the next start; ends when it has stopped.
  Task<void> stop();

  // Before it runs: called on its loop when a person's documents are gone.
  void when_applied(std::function<void()> function) { applied_ = std::move(function); }

  // The loop that all of it lives on.
  Loop& loop() { return control().loop(); }

 private:
  // One erasure on its way.
  struct Work {
    Erasure erasure;
    std::shared_ptr<ErasureOrder> order = {};
  };
  static Task<Result<Erasure>> begin_here(Erasures* self, std::string user, std::string tenant);
  static Result<Erasure> find_here(Erasures* self, std::string id);
  Shard& control() { return shards_[0]; }

  Task<Result<>> store(Work* work, std::string_view state);
  Task<Result<>> store_order(Work* work);
  Result<> load_order(Work* work);

  Task<void> run(Erasure erasure);
  void end();

  // erasure_steps.cc
  Task<Result<>> run_steps(Work* work);
  Task<Result<>> search(Work* work);
  Task<Result<>> apply(Work* work);
  Task<Result<>> apply_everywhere(Work* work);
  Task<Result<>> compact(Work* work);
  Task<Result<>> apply_and_compact(Work* work);
  Task<Result<>> rewrite(Work* work);
  Task<Result<>> certify(Work* work);

  Shards& shards_;
  SegmentKeeper& keeper_;
  Backfill& backfill_;  // held while an erasure runs
  Clock& clock_;
  Offload worker_;
  std::function<void()> applied_ = [] {};
  bool running_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace headrace
