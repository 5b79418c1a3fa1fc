// FoldOutbox: fold payloads on their way from one partition to the others, in order, until each is
// acknowledged.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/record.h"

namespace headrace {

// Payloads of one source for one target, in the order of their LSNs.
struct FoldBatch {
  uint32_t source = 0;
  Lsn last = 0;                       // of the events they came from
  std::vector<std::string> payloads;  // encode_fold()
};

// Lives on: the source partition's loop.
class FoldOutbox {
 public:
  explicit FoldOutbox(uint32_t source) : source_(source) {}

  void resize(uint32_t partitions) { targets_.resize(partitions); }
  uint32_t targets() const { return static_cast<uint32_t>(targets_.size()); }

  // `lsn` never falls from call to call.
  void add(uint32_t target, Lsn lsn, std::string payload) {
    if (target >= targets_.size()) targets_.resize(target + 1);
    targets_[target].waiting.push_back({lsn, std::move(payload)});
  }

  // What may go to `target` now: everything up to `durable`, unless a batch is already on its way. May be
  // empty.
  std::shared_ptr<const FoldBatch> take(uint32_t target, Lsn durable) {
    Target& t = targets_[target];
    if (t.sent || t.waiting.empty() || t.waiting.front().lsn > durable) return nullptr;
    auto batch = std::make_shared<FoldBatch>();
    batch->source = source_;
    t.sent = t.waiting.front().lsn;
    while (!t.waiting.empty() && t.waiting.front().lsn <= durable &&
           batch->payloads.size() < batch_folds_max) {
      batch->last = t.waiting.front().lsn;
      batch->payloads.push_back(std::move(t.waiting.front().payload));
      t.waiting.pop_front();
    }
    return batch;
  }

  // The batch on its way to `target` has arrived and is durable there.
  void arrived(uint32_t target) { targets_[target].sent.reset(); }

  // The oldest event whose folds are not all acknowledged.
  std::optional<Lsn> oldest() const {
    std::optional<Lsn> found;
    for (auto& t : targets_) {
      std::optional<Lsn> mine = t.sent;
      if (!mine && !t.waiting.empty()) mine = t.waiting.front().lsn;
      if (mine && (!found || *mine < *found)) found = mine;
    }
    return found;
  }
  bool empty() const { return !oldest(); }

 private:
  static constexpr size_t batch_folds_max = 4096;
  struct Entry {
    Lsn lsn;
    std::string payload;
  };
  struct Target {
    std::deque<Entry> waiting;
    std::optional<Lsn> sent;  // the first LSN of the batch on its way
  };
  const uint32_t source_;
  std::vector<Target> targets_;
};

}  // namespace headrace
