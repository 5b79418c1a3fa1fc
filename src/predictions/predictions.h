// Predictions: from what is known about a cart, or from features given, to a scored answer that is logged.
//
// Operation: the features of a cart are read on its home, mapped to the model's columns by name, scored, and
// the prediction is logged as an event `prediction.completed` with model, version and every feature the model
// saw. Lives on: one per shard, on the loop that owns it. Limits: limits::prediction_cache_entries.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/random.h"
#include "src/events/shard.h"
#include "src/predictions/model_columns.h"
#include "src/scoring/model.h"

namespace headrace {

// The type of the event that logs a prediction.
inline constexpr std::string_view prediction_type = "prediction.completed";

// What was predicted and why. Borrows what it names: good until the next prediction of whoever made it.
struct Prediction {
  UuidText id = {};
  std::string_view cart = {};    // scoped; empty where the features were given without one
  std::string_view tenant = {};  // whose credential asked; empty: the platform's
  std::string_view lead = {};  // likewise: what the caller calls the lead, so that its outcome can be found
  const Model* model = nullptr;
  float probability = 0;
  std::span<const float> row = {};  // in the order of the model's features
  Micros as_of = 0;
  std::optional<Micros> cached_at = {};  // set where the answer came from the cache
  bool logged = true;                    // false: the disk was full
  std::string_view payer = {};           // the account that pays a credit for it (src/identity/credits.h); empty: nobody
};

// Logs a prediction on `shard`. The record is durable later; wait for shard.durable() where that matters. A full disk
// is no reason to predict nothing: the record is left out, and `logged` says so.
Result<> log_prediction(Shard& shard, Prediction& prediction, Micros now);

// What may change while the server runs.
struct PredictionRules {
  Micros cache_us = hour_us;  // so long an answer may be given again
  double risk_threshold = 0;  // from there on a cart is at risk; 0: the model's own
};

class Predictions {
 public:
  Predictions(Shard& shard, std::shared_ptr<const Model> model, Clock& clock);

  // Scores what is known about `cart` (scoped, codec/scoped_key.h) now. Error::features_not_found where no event named it.
  Result<Prediction> predict(std::string_view cart, std::string_view payer = {});
  // The last answer for `cart` if it is not too old and no event has changed its features since; else a new one.
  Result<Prediction> predict_cached(std::string_view cart, std::string_view payer = {});
  // Scores the row that the caller has made for the model of `asked`; both live as long as the answer.
  Result<Prediction> predict_row(const Prediction& asked);

  // From now on this one scores what is known; answers of the one before are forgotten.
  void set_model(std::shared_ptr<const Model> model);
  void set_rules(const PredictionRules& rules) { rules_ = rules; }
  // Forgets the answers given; how many there were.
  size_t clear_cache();

  struct Stats {
    uint64_t predictions = 0, at_risk = 0, cache_hits = 0, cache_misses = 0;
    double probability_sum = 0;
    DurationStats duration;
  };
  const Stats& stats() const { return stats_; }

 private:
  void follow_plan();
  Result<Prediction> score(Prediction out, Micros started);

  Shard& shard_;
  std::shared_ptr<const Model> model_;
  Clock& clock_;
  std::shared_ptr<const features::Plan> plan_;  // which the columns and the cache are of
  ModelColumns columns_;
  std::vector<float> row_;  // scratch
  struct Cached {
    Lsn version = 0;
    Prediction prediction;  // borrows from the key and from `row`
    std::vector<float> row;
  };
  std::unordered_map<std::string, Cached> cache_;
  PredictionRules rules_;
  Stats stats_;
};

}  // namespace headrace
