// Event batches of one loop: in use from the body to the log, then kept, since their memory is.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "codec/event_json.h"
#include "src/base/limits.h"

namespace headrace {

// Lives on: its loop, and longer than its leases.
class EventBatches {
  struct GiveBack {
    EventBatches* to = nullptr;
    void operator()(EventBatch* batch) const { to->give(std::unique_ptr<EventBatch>(batch)); }
  };

 public:
  using Lease = std::unique_ptr<EventBatch, GiveBack>;

  // For a body of that size: a small one is not to spread over the memory that a large one left.
  Lease take(size_t body_bytes) {
    auto& kept = kept_[body_bytes > limits::small_batch_bytes_max];
    if (kept.empty()) return Lease(new EventBatch, GiveBack{this});
    Lease batch(kept.back().release(), GiveBack{this});
    kept.pop_back();
    return batch;
  }

 private:
  void give(std::unique_ptr<EventBatch> batch) {
    const size_t bytes = batch->kept_bytes();
    const bool large = bytes > limits::small_batch_bytes_max;
    if (bytes > limits::kept_batch_bytes_max) return;
    if (auto& kept = kept_[large]; kept.size() < (large ? limits::large_batches_kept : limits::small_batches_kept))
      kept.push_back(std::move(batch));
  }

  std::array<std::vector<std::unique_ptr<EventBatch>>, 2> kept_;  // small and large ones; the warmest last
};

}  // namespace headrace
