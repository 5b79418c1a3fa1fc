// Scoring runs inline: a row of stored features costs about a microsecond, less than the hop to anybody else
// would.
#include "src/predictions/predictions.h"

#include <fmt/format.h>

#include "codec/json.h"
#include "codec/scoped_key.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

// A category by its documented value: its index means something to this model only.
void append_value(const Feature& feature, float value, std::string& out) {
  std::string_view label = feature.category ? feature.label(value) : std::string_view();
  if (label.empty()) return append_json_number(value, out);
  append_json_string(label, out);
}

void append_features(const Prediction& prediction, std::string& out) {
  auto features = prediction.model->features();
  for (size_t i = 0; i < features.size(); ++i) {
    if (i) out += ',';
    out += features[i].json_key;
    append_value(features[i], prediction.row[i], out);
  }
}

}  // namespace

Result<> log_prediction(Shard& shard, Prediction& prediction, Micros now) {
  thread_local std::string data;
  data = '{';
  if (!prediction.payer.empty()) data = R"({"charged_credits":1,)";  // charge_mark (src/events/charge.h)
  data += prediction.model->json_identity();
  if (!prediction.lead.empty()) {
    data += R"(,"lead_id":)";
    append_json_string(prediction.lead, data);
  }
  data += R"(,"probability":)";
  append_json_number(prediction.probability, data);
  data += R"(,"features":{)";
  append_features(prediction, data);
  data += "}}";
  Event event;
  std::string id_of_tenant;
  event.id = prediction.id;
  if (!prediction.tenant.empty()) event.id = id_of_tenant = scoped(prediction.tenant, prediction.id);
  event.type = prediction_type, event.source = own_source;
  event.user = prediction.payer, event.cart = prediction.cart, event.data = data, event.time = prediction.as_of;
  Result<Lsn> recorded = shard.record(event, now);
  prediction.logged = recorded.ok();
  if (!recorded.ok() && recorded.problem().error != Error::storage_full) return recorded.problem();
  return Done{};
}

Predictions::Predictions(Shard& shard, std::shared_ptr<const Model> model, Clock& clock)
    : shard_(shard),
      model_(std::move(model)),
      clock_(clock),
      plan_(shard.shared_plan()),
      columns_(*plan_, EntityKind::cart, *model_),
      row_(model_->features().size()) {}

// A back-fill may have given the shard other definitions.
void Predictions::follow_plan() {
  if (&shard_.plan() == plan_.get()) return;
  plan_ = shard_.shared_plan();
  columns_ = ModelColumns(*plan_, EntityKind::cart, *model_);
  cache_.clear();
}

Result<Prediction> Predictions::predict(std::string_view cart, std::string_view payer) {
  Micros started = clock_.monotonic(), now = clock_.wall();
  follow_plan();
  auto known = shard_.features(features::EntityKind::cart, cart, now);
  if (!known) return Problem{Error::features_not_found, "cart_id", "no event has named this cart"};
  columns_.fill(*known, row_);
  return score({.cart = cart, .tenant = tenant_in(cart), .model = model_.get(), .row = row_, .as_of = now, .payer = payer}, started);
}

size_t Predictions::clear_cache() {
  const size_t count = cache_.size();
  cache_.clear();
  return count;
}

void Predictions::set_model(std::shared_ptr<const Model> model) {
  model_ = std::move(model);
  plan_ = nullptr;  // the columns are the model's, too
  cache_.clear();
}

Result<Prediction> Predictions::predict_row(const Prediction& asked) {
  Prediction wanted = asked;
  wanted.as_of = clock_.wall();
  return score(wanted, clock_.monotonic());
}

Result<Prediction> Predictions::score(Prediction out, Micros started) {
  out.id = make_uuid(thread_random());
  out.probability = out.model->probability(out.row);
  TRY_DONE(log_prediction(shard_, out, out.as_of));
  ++stats_.predictions;
  const double threshold = rules_.risk_threshold > 0 ? rules_.risk_threshold : out.model->decision_threshold();
  stats_.at_risk += static_cast<double>(out.probability) >= threshold;
  stats_.probability_sum += static_cast<double>(out.probability);
  stats_.duration.observe(clock_.monotonic() - started);
  return out;
}

Result<Prediction> Predictions::predict_cached(std::string_view cart, std::string_view payer) {
  follow_plan();
  Lsn version = shard_.version_of(features::EntityKind::cart, cart);
  if (auto found = cache_.find(std::string(cart));
      found != cache_.end() && found->second.version == version &&
      clock_.wall() - found->second.prediction.as_of < rules_.cache_us) {
    ++stats_.cache_hits;
    Prediction prediction = found->second.prediction;
    prediction.cached_at = prediction.as_of;
    return prediction;
  }
  ++stats_.cache_misses;
  Result<Prediction> fresh = predict(cart, payer);
  if (!fresh.ok()) return fresh;
  // Full: start over. What is asked for again comes back with the next miss.
  if (cache_.size() >= limits::prediction_cache_entries) cache_.clear();
  auto& [key, kept] = *cache_.try_emplace(std::string(cart)).first;
  kept = {version, *fresh, {fresh->row.begin(), fresh->row.end()}};
  kept.prediction.payer = {}, kept.prediction.cart = key, kept.prediction.tenant = tenant_in(key), kept.prediction.row = kept.row;
  return fresh;
}

}  // namespace headrace
