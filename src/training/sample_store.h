// SampleStore: the rows of a training set while it is made: on disk, so that there may be any number.
//
//   samples: seq:be64 -> moment:i64 followed:u8 len-head head            in the order added
//   waiting: home:be32 hash:be64 moment:be64 seq:be64 -> entity          those that something is still to
//   become of answers: seq:be64 -> features, as text
//
// Lives on: one thread. Limits: those of a ScratchState.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/scratch_state.h"

namespace headrace {

struct Sample {
  uint64_t seq = 0;
  Micros moment = 0;
  std::string entity;
};

class SampleStore {
 public:
  static Result<std::unique_ptr<SampleStore>> open(const std::string& directory);

  // `head`: the text of a row before its features. It waits.
  Result<uint64_t> add(uint32_t home, std::string_view entity, Micros moment, std::string_view head);
  void answer(uint64_t seq, std::string_view features);
  void mark_followed(uint64_t seq);

  // Those of `entity` that wait and whose moment is before `time`; they wait no longer.
  std::vector<Sample> take_before(uint32_t home, std::string_view entity, Micros time);
  // Some of those at `home` that still wait; none when all were taken.
  std::vector<Sample> take_some(uint32_t home);

  Result<> relieve() { return scratch_->relieve(); }

  struct Row {
    Micros moment;
    bool followed;
    std::string_view head, features;  // features: empty where none were given
  };
  Result<> each(const std::function<Result<>(const Row&)>& visit);

 private:
  explicit SampleStore(std::unique_ptr<ScratchState> scratch);
  bool may_wait(uint64_t hash) const { return maybe_[hash & (maybe_.size() - 1)]; }
  std::vector<Sample> take(std::string_view prefix, std::string_view end, std::string_view entity,
                           size_t count_max);

  std::unique_ptr<ScratchState> scratch_;
  uint64_t count_ = 0;
  std::vector<bool> maybe_;  // by hash of the entity: most are not asked about, and cost one look
};

}  // namespace headrace
