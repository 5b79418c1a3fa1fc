// Backfill: the thread that gives shards the rows of changed definitions while they serve the old ones.
//
// Operation: partition by partition it folds the log, as far as it is durable, by the new definitions into a
// state beside the live one; when little is missing it offers that to the shard, which switches between two
// requests (Partition::switch_state). What a crash interrupts begins anew at the next start. Lives on: its
// own thread; the rest on any. Limits: limits::backfill_*; a share of one core, more with each round of
// catching up.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/base/thread_share.h"
#include "src/events/shards.h"

namespace headrace {

struct BackfillProgress {
  enum class Phase : uint8_t { served, waiting, folding, failed };
  Phase phase = Phase::served;
  Lsn from_lsn = 0;                    // where the log began; 0: not looked yet
  uint64_t done = 0, total = 0;        // LSNs
  Micros began_us = 0, folded_us = 0;  // wall clock; of the last look
  std::string trouble;                 // why it failed
};
std::string_view name_of(BackfillProgress::Phase phase);

class Backfill {
 public:
  // Before the loops run. `wanted`: the definitions that every shard shall serve in the end.
  Backfill(Shards& shards, std::shared_ptr<const features::Plan> wanted, Clock& clock);
  ~Backfill();
  Backfill(const Backfill&) = delete;
  Backfill& operator=(const Backfill&) = delete;

  // Once the loops run. `settle_log` waits at most so long until nobody is taking anything away of the log, and says
  // whether that is so; nobody begins to while definitions() says nothing.
  void start(std::function<bool(Micros)> settle_log);
  // While the loops still run: gives up what it is at.
  void stop();
  // Other definitions; what was folded for those of before is given up.
  void want(std::shared_ptr<const features::Plan> plan);
  std::shared_ptr<const features::Plan> wanted() const;
  // Nothing is folded until release(), for who closes partitions and rewrites the log. False, and no hold, while
  // something is being folded.
  bool hold();
  void release();

  BackfillProgress progress(uint32_t partition) const;
  // Of the rows that a partition serves; nothing while its log is folded by others.
  std::optional<uint64_t> definitions(uint32_t partition) const;

 private:
  struct Part {
    uint64_t digest = 0;  // of the definitions served
    BackfillProgress progress;
  };
  using Plan = std::shared_ptr<const features::Plan>;

  void run();
  void begin(uint32_t partition, Lsn total);
  Result<> fill(uint32_t partition, const Plan& plan);
  Result<> fold_through(uint32_t partition, ComingRows& coming, Lsn through, unsigned share);
  Result<bool> fold_to_the_end(uint32_t partition, ComingRows& coming);
  Result<> hand_in(uint32_t partition, ComingRows& coming);
  Result<> carry(const Plan& plan);
  Result<> remove_replaced(uint32_t partition, uint32_t generation) const;

  bool given_up() const;
  BackfillProgress::Phase phase_of(const Part& part) const;
  bool rest(Micros duration_us);
  void note(uint32_t partition, Lsn done, Lsn total);
  void note(uint32_t partition, BackfillProgress::Phase phase, std::string trouble = {});
  int next_part(Plan& plan);

  Shards& shards_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Plan wanted_;              // from here on under mutex_
  std::vector<Part> parts_;  // by partition
  uint64_t version_ = 0;     // of wanted_
  bool stop_ = false, held_ = false;
  uint64_t at_version_ = 0;  // of the work in hand; this thread's
  std::function<bool(Micros)> settle_log_;
  std::unique_ptr<ThreadShare> share_;
  std::thread thread_;
};

}  // namespace headrace
