// App: the crafts of one process, as routes see them; and LoopContext: what of it belongs to one loop.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/event_json.h"
#include "routes/kit/route.h"
#include "src/base/time.h"
#include "src/events/shards.h"
#include "src/identity/keys.h"
#include "src/net/listener.h"
#include "src/predictions/predictions.h"
#include "src/runtime/loop.h"
#include "src/runtime/offload.h"
#include "src/scoring/model_set.h"

namespace headrace {

// The model behind cart predictions.
inline constexpr std::string_view cart_model_name = "cart_abandonment";

// What one route did on one loop.
struct RouteStats {
  std::array<uint64_t, 6> by_class{};  // by first digit of the status
  DurationStats duration;

  RouteStats& operator+=(const RouteStats& other);
};

// Event batches in use until their answer is written; kept, since their memory is.
class EventBatches {
 public:
  std::unique_ptr<EventBatch> take() {
    if (free_.empty()) return std::make_unique<EventBatch>();
    auto batch = std::move(free_.back());
    free_.pop_back();
    return batch;
  }
  void give(std::unique_ptr<EventBatch> batch) {
    if (free_.size() < kept_max) free_.push_back(std::move(batch));
  }

 private:
  static constexpr size_t kept_max = 64;
  std::vector<std::unique_ptr<EventBatch>> free_;
};

// Lives on: its loop. Others read it through ask().
struct LoopContext {
  explicit LoopContext(Loop& its_loop) : loop(its_loop) {}

  Loop& loop;
  Shard* shard = nullptr;          // the first of the shards that live here; every loop owns one at least
  EventBatches batches;            // scratch of the intake
  std::vector<RouteStats> routes;  // by route index, and one more for what matched none
  const HttpCounters* http = nullptr;
  uint64_t intake_refused = 0;  // events that broke a rule
  DurationStats intake;         // from request to ack
};

struct App {
  Shards& shards;
  const ModelSet& models;
  std::vector<std::unique_ptr<Predictions>> predictions;  // by partition
  const KeyRing& keys;
  Offload& workers;
  Clock& clock;
  std::span<const RouteTable> tables;
  std::vector<std::unique_ptr<LoopContext>> loops = {};
  Micros started_wall = 0;
  std::string service = "producer";
  bool open_access = false;  // no credential needed (loopback only)
  std::atomic<bool> draining = false;
  std::string openapi = {};  // the document, made at start
};

}  // namespace headrace
