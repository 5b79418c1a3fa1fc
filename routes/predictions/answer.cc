// A prediction as callers see it.
#include "routes/predictions/answer.h"

#include <cmath>

#include "codec/json.h"
#include "codec/scoped_key.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

std::optional<float> known(float value) {
  if (std::isnan(value)) return {};
  return value;
}

void explain_into(CartPrediction& out, const Prediction& prediction) {
  out.features_used.emplace();
  auto features = prediction.model->features();
  for (size_t i = 0; i < features.size(); ++i)
    if (auto value = known(prediction.row[i])) out.features_used->emplace(features[i].name, *value);
  out.reasons.emplace();
  for (auto& reason : prediction.model->explain(prediction.row).reasons)
    if (reason.contribution != 0)
      out.reasons->push_back({reason.feature, known(reason.value), reason.contribution});
}

Task<Result<CartAnswer>> predict_here(App* app, Shard* shard, std::string cart, PredictOptions options) {
  co_await shard->turn(EntityKind::cart, cart);
  Predictions& predictions = *app->predictions[shard->id()];
  std::string_view payer = options.payer.view();
  CO_TRY_DONE(co_await cover(*app, *shard, payer));
  Result<Prediction> prediction =
      options.cached ? predictions.predict_cached(cart, payer) : predictions.predict(cart, payer);
  if (!prediction.ok()) co_return prediction.problem();
  const bool sync = options.sync || !prediction->payer.empty();
  if (sync && !prediction->logged) co_return Error::storage_full;
  CartAnswer answer = answer_of_prediction(*prediction, options.explain);
  if (sync) co_await shard->make_durable();
  co_return answer;
}

Task<Result<CartAnswer>> predict_elsewhere(App* app, Shard* shard, std::string cart, PredictOptions options) {
  co_return co_await ask(shard->loop(), predict_here, app, shard, std::move(cart), options);
}

}  // namespace

Task<Result<>> cover(App& app, Shard& shard, std::string_view payer, int64_t cost) {
  if (payer.empty() || app.credits->covers(shard, payer, cost)) return ready<Result<>>(Done{});
  return app.credits->obtain(shard, std::string(payer), cost);
}

CartAnswer answer_of_prediction(const Prediction& prediction, bool explain) {
  CartPrediction out;
  out.cart_id = key_in(prediction.cart), out.prediction_id = prediction.id;
  out.model = prediction.model->name(), out.model_version = prediction.model->version();
  out.probability = prediction.probability;
  out.risk_level = prediction.model->band(static_cast<double>(out.probability));
  out.as_of = {prediction.as_of, true};
  if (prediction.cached_at) out._cached_at = *prediction.cached_at / second_us;
  if (explain) explain_into(out, prediction);
  return {to_json(out)};
}

// Not a coroutine: what is at home on this loop needs no frame for the way there.
Task<Result<CartAnswer>> predict_cart(App& app, std::string cart, PredictOptions options) {
  Shard& home = app.shards.home(cart);
  auto predict = &home.loop() == Loop::current() ? predict_here : predict_elsewhere;
  return predict(&app, &home, std::move(cart), options);
}

}  // namespace headrace
