// Lockstep: all partitions of a directory, driven by one thread that decides the order of everything. The same calls
// make the same records at the same LSNs and the same state, whatever the disk's speed.
//
// Operation: event() and change() as they come; folds go to their homes every limits::lockstep_bytes of events and
// with exchange(), where they are waited for. A server is Shards (shards.h): it folds as soon as the disk lets it.
// Lives on: one thread, which may block. Limits: lockstep_row_bytes_max over all partitions.
#pragma once

#include <memory>
#include <vector>

#include "src/events/event_fold.h"
#include "src/events/fold_outbox.h"
#include "storage/directory.h"
#include "storage/partition.h"

namespace headrace {

struct LockstepOptions {
  size_t segment_bytes = limits::segment_bytes;
  uint64_t free_bytes_min = limits::free_bytes_min;
};

class Lockstep {
 public:
  // Recovers what is there. `directory` must outlive it.
  static Result<std::unique_ptr<Lockstep>> open(const DataDirectory& directory,
                                                std::shared_ptr<const features::Plan> plan,
                                                const LockstepOptions& options);

  // Logs an event, taken in at `time`, on the home of its routing key. Nobody asks whether its id is new.
  Result<> event(Micros time, uint8_t version, const Event& event, std::string_view payload);
  // On the control partition.
  Result<> change(Micros time, const Change& change);

  // Everything is durable, and folded at every home.
  Result<> exchange();
  // After it the next open has nothing to replay.
  Result<> close();

  uint32_t count() const { return static_cast<uint32_t>(members_.size()); }
  Partition& partition(uint32_t p) { return *members_[p]->partition; }
  EventFold& fold(uint32_t p) { return members_[p]->fold; }
  uint64_t folds() const { return folds_; }  // made so far

 private:
  // What its partition takes for now.
  struct TimeGiven final : Clock {
    Micros wall() override { return given; }
    Micros monotonic() override { return system_clock().monotonic(); }
    Micros given = 0;
  };
  struct Member {
    Member(std::shared_ptr<const features::Plan> plan, uint32_t id, uint32_t count)
        : outbox(id, count), fold(std::move(plan), id, count, &outbox) {}
    FoldOutbox outbox;
    EventFold fold;
    std::unique_ptr<Partition> partition;  // after what it calls back into
  };

  Lockstep() = default;
  template <class Write>
  Result<> write(Member& member, size_t bytes, Write write);
  Result<> make_room(Member& member);
  Result<> make_durable();
  Result<> send(Member& source, uint32_t target);
  Result<> receive(Member& member, const FoldBatch& batch);

  TimeGiven clock_;
  std::vector<std::unique_ptr<Member>> members_;
  Foldable foldable_;    // scratch
  std::string payload_;  // of a fold record, scratch
  size_t bytes_ = 0;     // of events and changes since the last exchange()
  uint64_t folds_ = 0;
};

}  // namespace headrace
