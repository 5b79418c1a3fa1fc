// Scoring runs inline: a row of stored features costs about a microsecond, less than the hop to anybody else
// would.
#include "src/predictions/predictions.h"

#include <fmt/format.h>

#include <cmath>

#include "codec/json.h"
#include "src/base/limits.h"
#include "src/base/random.h"

namespace headrace {
namespace {

constexpr std::string_view prediction_type = "prediction.completed";

void append_features(const Prediction& prediction, std::string& out) {
  auto features = prediction.model->features();
  for (size_t i = 0; i < features.size(); ++i) {
    if (i) out += ',';
    append_json_string(features[i].name, out);
    out += ':';
    append_json_number(static_cast<double>(prediction.row[i]), out);
  }
}

}  // namespace

Result<Lsn> log_prediction(Shard& shard, const Prediction& prediction, Micros now) {
  thread_local std::string data;
  data = R"({"model":)";
  append_json_string(prediction.model->name(), data);
  data += R"(,"version":)";
  append_json_string(prediction.model->version(), data);
  data += R"(,"probability":)";
  append_json_number(static_cast<double>(prediction.probability), data);
  data += R"(,"features":{)";
  append_features(prediction, data);
  data += "}}";
  Event event;
  event.id = prediction.id, event.type = prediction_type, event.source = own_source;
  event.cart = prediction.cart, event.data = data, event.time = prediction.as_of;
  return shard.record(event, now);
}

Predictions::Predictions(Shard& shard, std::shared_ptr<const Model> model, Clock& clock)
    : shard_(shard), model_(std::move(model)), clock_(clock) {
  for (auto& feature : model_->features())
    columns_.push_back(shard_.plan().index_of(features::EntityKind::cart, feature.name));
}

Result<Prediction> Predictions::predict(std::string_view cart) {
  Micros started = clock_.monotonic(), now = clock_.wall();
  auto known = shard_.features(features::EntityKind::cart, cart, now);
  if (!known) return Problem{Error::features_not_found, "cart_id", "no event has named this cart"};
  std::vector<float> row(columns_.size(), NAN);
  for (size_t i = 0; i < row.size(); ++i)
    if (columns_[i]) row[i] = static_cast<float>(known->values()[*columns_[i]]);
  return score(std::move(row), cart, started, now);
}

Result<Prediction> Predictions::predict_row(std::vector<float> row, std::string_view cart) {
  return score(std::move(row), cart, clock_.monotonic(), clock_.wall());
}

Result<Prediction> Predictions::score(std::vector<float> row, std::string_view cart, Micros started,
                                      Micros now) {
  Prediction out;
  out.id = make_uuid(thread_random());
  out.cart = cart, out.model = model_, out.as_of = now;
  out.probability = model_->probability(row);
  out.row = std::move(row);
  Result<Lsn> logged = log_prediction(shard_, out, now);
  if (!logged.ok()) return logged.problem();
  ++stats_.predictions;
  stats_.at_risk += static_cast<double>(out.probability) >= model_->decision_threshold();
  stats_.probability_sum += static_cast<double>(out.probability);
  stats_.duration.observe(clock_.monotonic() - started);
  return out;
}

Result<Prediction> Predictions::predict_cached(std::string_view cart) {
  Lsn version = shard_.version_of(features::EntityKind::cart, cart);
  if (auto found = cache_.find(std::string(cart));
      found != cache_.end() && found->second.version == version) {
    ++stats_.cache_hits;
    Prediction prediction = found->second.prediction;
    prediction.cached_at = prediction.as_of;
    return prediction;
  }
  ++stats_.cache_misses;
  Result<Prediction> fresh = predict(cart);
  if (!fresh.ok()) return fresh;
  // Full: start over. What is asked for again comes back with the next miss.
  if (cache_.size() >= limits::prediction_cache_entries) cache_.clear();
  cache_[std::string(cart)] = {version, *fresh};
  return fresh;
}

}  // namespace headrace
