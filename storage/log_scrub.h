// LogScrub: reads the sealed segments of a partition again and again, so that damage is found before somebody
// needs them.
//
// Operation: step() checks one segment, oldest first, when it is due: a pass over all of them takes about the
// period, spread evenly by bytes. Each batch or frame, the chain, the index against its records, the
// signatures of holes. What is damaged stays in stats() until a later pass finds it whole or gone. Lives on:
// the keeper's thread; stats() on any.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <string>

#include "src/base/time.h"
#include "storage/verify.h"

namespace headrace {

inline constexpr size_t damage_kinds = 3;

struct ScrubStats {
  uint64_t bytes = 0, segments = 0, passes = 0;  // since the start
  Micros pass_begun = 0, pass_ended = 0;         // the present and the last whole one, UTC; 0: none
  std::array<uint64_t, damage_kinds> damaged{};  // segments, by kind; as of now
  uint64_t holes = 0;                            // as the segments read so far have them

  uint64_t damaged_places() const { return std::accumulate(damaged.begin(), damaged.end(), uint64_t{0}); }
};

struct ScrubOptions {
  PartitionPlace place;
  Micros period_us = 0;  // of a pass; 0: never
  Clock* clock = &system_clock();
  Disk* disk = &system_disk();
  std::function<void(const Problem&)> found = {};  // damage; may be empty
};

class LogScrub {
 public:
  explicit LogScrub(ScrubOptions options) : options_(std::move(options)) {}

  // True where a segment was looked at. `may_go_on` is asked between batches; may sleep; false gives the
  // segment up.
  bool step(const std::function<bool()>& may_go_on);
  ScrubStats stats() const;

 private:
  struct Found {
    std::optional<Damage> damage;
    uint64_t holes = 0;
  };
  void begin_pass(const std::vector<uint32_t>& sealed);
  void end_pass(const std::vector<uint32_t>& sealed);
  void check(uint32_t segment, const std::function<bool()>& may_go_on);
  void note(uint32_t segment, Found found, const Problem* problem);
  Micros due() const;

  const ScrubOptions options_;
  bool in_pass_ = false;
  Micros begun_us_ = 0, next_pass_us_ = 0;  // monotonic
  uint32_t next_ = 0;                       // segment
  uint64_t bytes_total_ = 0, bytes_done_ = 0;
  mutable std::mutex mutex_;
  ScrubStats stats_;                    // under mutex_, as the next
  std::map<uint32_t, Found> segments_;  // that were looked at
};

}  // namespace headrace
