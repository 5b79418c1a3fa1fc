// The answer to a cart prediction, and how it is made: shared by the prediction routes and by events that ask
// for one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routes/kit/app.h"
#include "src/runtime/task.h"

namespace headrace {

struct PredictionReason {
  std::string feature;
  std::optional<float> value;
  double contribution = 0;
  static constexpr auto shape() {
    return std::tuple{field("feature", &PredictionReason::feature, "Name of the feature"),
                      field("value", &PredictionReason::value, "What it was; absent if nothing was known"),
                      field("contribution", &PredictionReason::contribution,
                            "What it added to the log-odds (TreeSHAP); positive: towards leaving")};
  }
};

// Borrows: it is written where it is made.
struct CartPrediction {
  std::string_view cart_id, prediction_id, model, model_version, risk_level;
  float probability = 0;
  Timestamp as_of;
  std::optional<std::map<std::string, float>> features_used;
  std::optional<std::vector<PredictionReason>> reasons;
  std::optional<int64_t> _cached_at;
  static constexpr auto shape() {
    return std::tuple{
        field("cart_id", &CartPrediction::cart_id, "The cart; empty if features were given without one"),
        field("prediction_id", &CartPrediction::prediction_id, "The id of the logged prediction"),
        field("model", &CartPrediction::model, "Name of the model that answered"),
        field("model_version", &CartPrediction::model_version, "Its version"),
        field("probability", &CartPrediction::probability, "That the visit ends without a purchase",
              between(0, 1)),
        field("risk_level", &CartPrediction::risk_level, "The band the probability falls into"),
        field("as_of", &CartPrediction::as_of, "The moment at which the features were taken"),
        field("features_used", &CartPrediction::features_used, "With explain: what the model saw"),
        field("reasons", &CartPrediction::reasons, "With explain: the strongest first"),
        field("_cached_at", &CartPrediction::_cached_at, "Unix seconds, if the answer came from the cache")};
  }
};

struct PredictOptions {
  bool explain = false;
  bool cached = false;  // an earlier answer will do if nothing has changed
  bool sync = false;    // wait until the prediction is on disk
  ShortText<36> payer = {};  // the account that pays; what is paid for is on disk before it is answered
};

using CartAnswer = Written<CartPrediction>;

CartAnswer answer_of_prediction(const Prediction& prediction, bool explain);

// On the loop of the shard: whoever pays has so many credits to spend on what is logged next. Error::insufficient_credits.
Task<Result<>> cover(App& app, Shard& shard, std::string_view payer, int64_t cost = 1);

// Scores the stored features of `cart`, a scoped key, on its home.
Task<Result<CartAnswer>> predict_cart(App& app, std::string cart, PredictOptions options);

}  // namespace headrace
