// SegmentKeeper: the thread that rewrites sealed segments, reads them again (log_scrub.h) and makes bases (base.h), of all
// partitions of a process.
//
// Operation: looks for work every limits::keeper_period_us, oldest segment first, partitions in turn. It sleeps after each
// frame so long that it has its share of one core and no more, and runs at a low priority besides. While so few segments
// wait that queries have an index of them in memory, a part of its share is enough. A segment that
// cannot be read is left alone until the next start; a full disk or a failed write is tried again later. Nothing here is
// ever waited for: what is acknowledged is durable with or without it. A piece of a base is copied without a rest, because
// commits wait for it, and paid for with sleep afterwards. Lives on: its own thread; stats() on any.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/limits.h"
#include "src/base/thread_share.h"
#include "storage/log_scrub.h"
#include "storage/retainer.h"
#include "storage/segment_rewriter.h"
#include "storage/state_scrub.h"

namespace headrace {

struct Checkpoint;

struct KeeperOptions {
  bool repack = true;
  size_t raw_segments = 0;  // so many of the newest sealed ones stay as they were written
  size_t base_every = 0;    // sealed segments from one base to the next; 0: no bases
  unsigned share_percent = limits::keeper_share_percent;
  size_t frame_bytes = limits::frame_bytes;
  Micros period_us = limits::keeper_period_us;
  uint64_t free_bytes_min = limits::free_bytes_min;  // of disk, or 5 %; a rewrite must leave that much
  Micros scrub_period_us = 0;                        // all sealed segments are read once in it; 0: never
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  const SigningKey* key = nullptr;                                // of the directory, for retention
  RetentionPolicy retention = {};                                 // of each partition
  std::function<RecordVisitor(const Expired&)> leave_out = {};    // where there is one
  std::function<void(const RewriteReport&, uint32_t partition)> observe = {};  // its thread; may be empty
  std::function<void(const Checkpoint&, uint32_t partition)> observe_base = {};  // the same
  std::function<void(const Problem&)> complain = {};                           // its thread; may be empty
  std::function<void(const Problem&)> found = {};  // damage, its thread; may be empty
};

// A partition as the keeper sees it. The functions are called on the keeper's thread.
struct KeptPartition {
  PartitionPlace place;
  std::function<uint32_t()> settled_segment;  // Partition::settled_segment()
  // Partition::loan() as it is now; none: its state is neither scrubbed nor copied.
  std::function<StateLoan*()> loan = {};
  std::function<std::optional<uint64_t>()> definitions = {};  // RetainerParts::definitions
  std::function<void()> seal = {};  // asks its owner for Partition::seal(); returns at once
};

struct KeeperStats {
  uint64_t sealed = 0, rewritten = 0;   // segments there are, as of the last look; of these, rewritten ones
  uint64_t rewrites = 0, failures = 0;  // done; given up for a reason
  uint64_t bytes_before = 0, bytes_after = 0;  // of all rewrites
  uint64_t records_dropped = 0;
  RetentionStats retention;
  ScrubStats scrub;
  StateScrubStats state_scrub;
  Lsn base_lsn = 0;                       // of the newest base; 0: there is none
  Micros base_created = 0;                // wall clock, of its checkpoint
  Micros base_duration_us = 0;            // of the last one made in this run
  uint64_t bases = 0, base_failures = 0;  // made; put off, because the state was wanted back or something failed

  uint64_t damaged_places() const { return scrub.damaged_places() + (state_scrub.damaged ? 1 : 0); }
};

class SegmentKeeper {
 public:
  // While it lives the keeper touches nothing.
  class Pause {
   public:
    Pause(Pause&& other) noexcept : keeper_(std::exchange(other.keeper_, nullptr)) {}
    Pause& operator=(Pause&&) = delete;
    ~Pause() {
      if (keeper_ != nullptr) keeper_->go_on();
    }

   private:
    friend class SegmentKeeper;
    explicit Pause(SegmentKeeper& keeper) : keeper_(&keeper) {}
    SegmentKeeper* keeper_;
  };

  SegmentKeeper(KeeperOptions options, std::vector<KeptPartition> partitions);
  ~SegmentKeeper();  // gives up the rewrite in hand
  SegmentKeeper(const SegmentKeeper&) = delete;
  SegmentKeeper& operator=(const SegmentKeeper&) = delete;

  KeeperStats stats(uint32_t partition) const;
  // Waits until the work in hand is given up: not for a loop.
  Pause pause();
  // The same for a moment, waiting at most so long: whether what was in hand is given up or done.
  bool settle(Micros at_most_us);

 private:
  struct Kept;
  void run();
  bool work_on(Kept& kept);
  bool repack(Kept& kept);
  bool scrub(Kept& kept);
  void keep_bases(Kept& kept);
  Result<> find_base(Kept& kept);
  Result<bool> base_due(const Kept& kept) const;
  Result<> make_next_base(Kept& kept);
  Result<bool> repack_next(Kept& kept);
  void note_segments(Kept& kept, size_t segments, size_t looked_at);
  Result<bool> needs_rewriting(const Kept& kept, uint32_t segment) const;
  Result<> check_space(const Kept& kept) const;
  Result<bool> rewrite(Kept& kept, uint32_t segment);
  bool may_go_on();
  bool rest(Micros duration_us);
  bool begin_work();
  void end_work();
  void go_on();
  RetainerParts retainer_parts(Kept& kept);
  Result<bool> retain(Kept& kept);

  const KeeperOptions options_;
  std::vector<std::unique_ptr<Kept>> partitions_;
  mutable std::mutex mutex_;  // of stats and of the next three
  std::condition_variable changed_;
  bool stop_ = false, working_ = false;
  size_t pauses_ = 0;
  unsigned share_percent_ = 1;  // of the rewrite in hand
  std::unique_ptr<ThreadShare> share_;
  std::thread thread_;
};

}  // namespace headrace
