// Cart predictions: will this visit end without a purchase? System `cart`.
#include <fmt/format.h>

#include <cmath>

#include "routes/kit/handler.h"
#include "routes/predictions/answer.h"
#include "routes/tables.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

constexpr auto explain_words = "Also answer what the model saw and why (TreeSHAP)";

struct PredictCart {
  std::optional<std::string> cart_id, durability;
  std::optional<std::map<std::string, double>> features;
  bool explain = false;
  static constexpr auto shape() {
    return std::tuple{
        field("cart_id", &PredictCart::cart_id, "The cart whose stored features are scored",
              length(1, limits::key_bytes_max), example("\"cart_42\"")),
        field("features", &PredictCart::features, "Score these features of the model instead of stored ones",
              length(1, limits::model_features_max)),
        field("explain", &PredictCart::explain, explain_words, optional_field),
        field("durability", &PredictCart::durability, "sync: answer when the logged prediction is on disk",
              one_of("async", "sync"))};
  }
};

struct ReadCartPrediction {
  std::string cartId;
  bool explain = false;
  static constexpr auto shape() {
    return std::tuple{
        field("cartId", &ReadCartPrediction::cartId, "The cart", length(1, limits::key_bytes_max)),
        field("explain", &ReadCartPrediction::explain, explain_words, optional_field)};
  }
};

struct PredictCarts {
  std::vector<std::string> cart_ids;
  bool explain = false;
  static constexpr auto shape() {
    return std::tuple{
        field("cart_ids", &PredictCarts::cart_ids, "The carts", length(1, limits::predict_batch_max)),
        field("explain", &PredictCarts::explain, explain_words, optional_field)};
  }
};

struct FailedPrediction {
  std::string cart_id, code, message;
  static constexpr auto shape() {
    return std::tuple{field("cart_id", &FailedPrediction::cart_id, "The cart"),
                      field("code", &FailedPrediction::code, "Error code"),
                      field("message", &FailedPrediction::message, "What went wrong")};
  }
};

struct CartPredictions {
  std::vector<CartAnswer> predictions;
  std::vector<FailedPrediction> failed;
  int64_t count = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("predictions", &CartPredictions::predictions, "One per known cart, in the order asked"),
        field("failed", &CartPredictions::failed, "Carts that could not be scored"),
        field("count", &CartPredictions::count, "Number of predictions")};
  }
};

// A row of the model from features by name; what is not given is missing.
Result<std::vector<float>> row_of(const Model& model, const std::map<std::string, double>& features) {
  std::vector<float> row = model.empty_row();
  for (auto& [name, value] : features) {
    auto index = model.index_of(name);
    if (!index) return Problem{Error::invalid_input, "features." + name, "is no feature of " + model.name()};
    row[*index] = static_cast<float>(value);
  }
  return row;
}

// Features that were given belong to a cart, or to nobody but the tenant.
struct ScoredFor {
  std::string cart;  // scoped
  Tenant tenant;
};

Task<Result<CartAnswer>> predict_given(App* app, Shard* shard, std::shared_ptr<const Model> model, std::vector<float> row,
                                       ScoredFor whom, PredictOptions options) {
  CO_TRY_DONE(co_await cover(*app, *shard, options.payer.view()));
  Result<Prediction> prediction = app->predictions[shard->id()]->predict_row(
      {.cart = whom.cart, .tenant = whom.tenant.view(), .model = model.get(), .row = row, .payer = options.payer.view()});
  if (!prediction.ok()) co_return prediction.problem();
  const bool sync = options.sync || !options.payer.empty();
  if (sync && !prediction->logged) co_return Error::storage_full;
  CartAnswer answer = answer_of_prediction(*prediction, options.explain);
  if (sync) co_await shard->make_durable();
  co_return answer;
}

Task<Result<CartAnswer>> predict_features(Call& call, PredictCart want, PredictOptions options) {
  App& app = call.app;
  auto model = call.here.models->find(cart_model_name);
  CHECK(model != nullptr);
  Result<std::vector<float>> row = row_of(*model, *want.features);
  if (!row.ok()) co_return row.problem();
  ScoredFor whom{call.caller.key_of(want.cart_id.value_or("")), call.caller.tenant};
  Shard& home = whom.cart.empty() ? *call.here.shard : app.shards.home(whom.cart);
  co_return co_await ask(home.loop(), predict_given, &app, &home, std::move(model), std::move(*row),
                         std::move(whom), options);
}

Task<Result<CartAnswer>> predict(Call& call, PredictCart want) {
  PredictOptions options{.explain = want.explain, .sync = want.durability == "sync", .payer = call.caller.account};
  if (want.features) return predict_features(call, std::move(want), options);
  if (want.cart_id) return predict_cart(call.app, call.caller.key_of(*want.cart_id), options);
  return ready<Result<CartAnswer>>(
      Problem{Error::missing_field, "cart_id", "Missing required field: cart_id (or features)"});
}

Task<Result<CartAnswer>> read_prediction(Call& call, ReadCartPrediction want) {
  return predict_cart(call.app, call.caller.key_of(want.cartId), {.explain = want.explain, .cached = true, .payer = call.caller.account});
}

Task<void> predict_into(App* app, std::string cart, PredictOptions options, Result<CartAnswer>* out,
                        Sequence* finished) {
  *out = co_await predict_cart(*app, std::move(cart), options);
  finished->advance(finished->value() + 1);
}

Task<Result<CartPredictions>> predict_batch(Call& call, PredictCarts want) {
  const int64_t most = call.here.settings->integer(SettingId::predictions_batch_max, call.caller.tenant.view());
  if (static_cast<int64_t>(want.cart_ids.size()) > most)
    co_return Problem{Error::invalid_input, "cart_ids", fmt::format("may name at most {} carts", most)};
  std::vector<Result<CartAnswer>> results(want.cart_ids.size(), Error::internal_error);
  Sequence finished;
  for (size_t i = 0; i < results.size(); ++i)
    spawn(predict_into(&call.app, call.caller.key_of(want.cart_ids[i]), {.explain = want.explain, .payer = call.caller.account}, &results[i], &finished));
  co_await finished.at_least(results.size());
  CartPredictions out;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].ok()) {
      out.predictions.push_back(std::move(*results[i]));
      continue;
    }
    const Problem& problem = results[i].problem();
    out.failed.push_back(
        {want.cart_ids[i], std::string(headrace::row_of(problem.error).code), problem.text()});
  }
  out.count = static_cast<int64_t>(out.predictions.size());
  co_return out;
}

constexpr Route cart_predictions_table[] = {
    {Method::POST,
     "/api/predict",
     allow(Role::service).with(Scope::predictions_read),
     handler<predict>,
     {.summary = "Predict whether a cart is abandoned, from stored features or from features given", .counted = Counted::prediction}},
    {Method::GET,
     "/api/predict/{cartId}",
     allow(Role::service).with(Scope::predictions_read),
     handler<read_prediction>,
     {.summary = "The prediction for a cart; cached until an event changes its features", .counted = Counted::prediction}},
    {Method::POST,
     "/api/predict/batch",
     allow(Role::service).with(Scope::predictions_read),
     handler<predict_batch>,
     {.summary = "Predict for many carts", .counted = Counted::prediction}},
};
static_assert(well_formed(cart_predictions_table));

}  // namespace

RouteTable routes::cart_predictions() { return {System::cart, cart_predictions_table}; }

}  // namespace headrace
