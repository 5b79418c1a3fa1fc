// Predictions: from what is known about a cart, or from features given, to a scored answer that is logged.
//
// Operation: the features of a cart are read on its home, mapped to the model's columns by name, scored, and
// the prediction is logged as an event `prediction.completed` with model, version and every feature the model
// saw. Lives on: one per shard, on the loop that owns it. Limits: limits::prediction_cache_entries.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/events/shard.h"
#include "src/scoring/model.h"

namespace headrace {

// What was predicted and why. The features stand in the order of the model's.
struct Prediction {
  std::string id;
  std::string cart;  // empty where the features were given without one
  std::shared_ptr<const Model> model;
  float probability = 0;
  std::vector<float> row;
  Micros as_of = 0;
  std::optional<Micros> cached_at;  // set where the answer came from the cache
};

// Logs a prediction on `shard`. The record is durable later; wait for shard.durable() where that matters.
Result<Lsn> log_prediction(Shard& shard, const Prediction& prediction, Micros now);

class Predictions {
 public:
  Predictions(Shard& shard, std::shared_ptr<const Model> model, Clock& clock);

  // Scores what is known about `cart` now. Error::features_not_found where no event named it.
  Result<Prediction> predict(std::string_view cart);
  // The last answer for `cart` if no event has changed its features since; else a new one.
  Result<Prediction> predict_cached(std::string_view cart);
  // Scores a row made by the caller.
  Result<Prediction> predict_row(std::vector<float> row, std::string_view cart);

  struct Stats {
    uint64_t predictions = 0, at_risk = 0, cache_hits = 0, cache_misses = 0;
    double probability_sum = 0;
    DurationStats duration;
  };
  const Stats& stats() const { return stats_; }

 private:
  Result<Prediction> score(std::vector<float> row, std::string_view cart, Micros started, Micros now);

  Shard& shard_;
  std::shared_ptr<const Model> model_;
  Clock& clock_;
  std::vector<std::optional<size_t>> columns_;  // by model feature: index of the cart feature
  struct Cached {
    Lsn version;
    Prediction prediction;
  };
  std::unordered_map<std::string, Cached> cache_;
  Stats stats_;
};

}  // namespace headrace
