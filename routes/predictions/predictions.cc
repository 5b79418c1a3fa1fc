// Predictions of the AI prediction platform: lead scoring and churn. System `predict`.
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/predictions/answer.h"
#include "routes/predictions/lead_and_churn.h"
#include "routes/tables.h"
#include "src/base/random.h"

namespace headrace {
namespace {

// What all predictions of this system share.
template <class T>
struct Answer {
  std::string model, prediction_id;
  T prediction;
  double processing_time = 0;
  int64_t credits_consumed = 1;
  static constexpr auto shape() {
    return std::tuple{field("model", &Answer::model, "Name of the model that answered"),
                      field("prediction_id", &Answer::prediction_id, "The id of the logged prediction"),
                      field("prediction", &Answer::prediction, "The prediction"),
                      field("processing_time", &Answer::processing_time, "Seconds"),
                      field("credits_consumed", &Answer::credits_consumed, "Credits this cost")};
  }
};

// "lead_scoring_v1": the name, and the version up to its first point.
std::string documented_name(const Model& model) {
  return model.name() + '_' + model.version().substr(0, model.version().find('.'));
}

// Scores the row, logs the prediction on a partition of this loop and wraps the answer.
template <class Out, class Base>
Task<Result<Answer<Out>>> finish(Call& call, Prediction record, Base output) {
  Shard& shard = *call.here.shard;
  record.payer = call.caller.account.view(), record.tenant = call.caller.tenant.view();
  CO_TRY_DONE(co_await cover(call.app, shard, record.payer));
  Micros now = call.app.clock.wall();
  record.id = make_uuid(thread_random());
  record.probability = record.model->probability(record.row);
  record.as_of = now;
  CO_TRY_DONE(log_prediction(shard, record, now));
  if (!record.payer.empty() && !record.logged) co_return Error::storage_full;
  Answer<Out> answer;
  answer.model = documented_name(*record.model);
  answer.prediction_id = record.id;
  static_cast<Base&>(answer.prediction) = std::move(output);
  if (!record.payer.empty()) co_await shard.make_durable();
  answer.processing_time = static_cast<double>(call.app.clock.monotonic() - call.started) / second_us;
  co_return answer;
}

Task<Result<Answer<LeadPrediction>>> score_lead(Call& call, ScoreLead want) {
  auto model = call.here.models->find("lead_scoring");
  if (!model) co_return Error::model_not_found;
  Result<LeadRow> row = lead_row(*model, want);
  if (!row.ok()) co_return row.problem();
  LeadOutput output = lead_answer(*model, *row);
  std::string_view lead = want.lead_id ? *want.lead_id : std::string_view();
  Prediction record{.lead = lead, .model = model.get(), .row = row->values};
  co_return co_await finish<LeadPrediction>(call, record, std::move(output));
}

Task<Result<Answer<ChurnPrediction>>> predict_churn_of(Call& call, PredictChurn want) {
  auto model = call.here.models->find("churn_prediction");
  if (!model) co_return Error::model_not_found;
  Result<std::vector<float>> row = churn_row(*model, want);
  if (!row.ok()) co_return row.problem();
  ChurnOutput output = churn_answer(*model, *row);
  Prediction record{.model = model.get(), .row = *row};
  co_return co_await finish<ChurnPrediction>(call, record, std::move(output));
}

constexpr Route predictions_table[] = {
    {Method::POST,
     "/api/predict/lead-score",
     allow(Role::customer, Role::service).with(Scope::predictions_read),
     handler<score_lead>,
     {.summary = "Score how likely a lead is to convert", .counted = Counted::prediction}},
    {Method::POST,
     "/api/predict/churn",
     allow(Role::customer, Role::service).with(Scope::predictions_read),
     handler<predict_churn_of>,
     {.summary = "Predict whether a customer leaves", .counted = Counted::prediction}},
};
static_assert(well_formed(predictions_table));

}  // namespace

RouteTable routes::predictions() { return {System::predict, predictions_table}; }

}  // namespace headrace
