// Predictions of the AI prediction platform: lead scoring and churn. System `predict`.
#include <cmath>

#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"
#include "src/base/random.h"
#include "src/scoring/churn.h"
#include "src/scoring/lead.h"

namespace headrace {
namespace {

struct ScoreLead : LeadInput {
  std::optional<std::string> lead_id;
  static constexpr auto shape() {
    return std::tuple{
        field("company_size", &ScoreLead::company_size, "Employees",
              one_of("1-10", "11-50", "51-200", "201-1000", "1000+")),
        field("budget", &ScoreLead::budget, "Available budget in USD", between(0, 1e12)),
        field("industry_score", &ScoreLead::industry_score, "Industry relevance score", between(1, 10)),
        field("engagement_score", &ScoreLead::engagement_score, "Engagement level", between(1, 10)),
        field("demographic_score", &ScoreLead::demographic_score, "Demographic fit", between(1, 10)),
        field("behavioral_score", &ScoreLead::behavioral_score, "Behavioral indicators", between(1, 10)),
        field("source_score", &ScoreLead::source_score, "Lead source quality", between(1, 10)),
        field("lead_id", &ScoreLead::lead_id, "Logged with the prediction; its outcome may name it",
              length(1, limits::key_bytes_max))};
  }
};

struct LeadPrediction : LeadOutput {
  static constexpr auto shape() {
    return std::tuple{
        field("score", &LeadPrediction::score, "Lead score", between(0, 100)),
        field("quality", &LeadPrediction::quality, "Band of the score", one_of("Cold", "Warm", "Hot")),
        field("confidence", &LeadPrediction::confidence, "The probability of conversion", between(0, 1)),
        field("prediction", &LeadPrediction::prediction, "1: converts", between(0, 1)),
        field("model_version", &LeadPrediction::model_version, "Version of the model"),
        field("features_used", &LeadPrediction::features_used, "The fields given")};
  }
};

struct PredictChurn : ChurnInput {
  static constexpr auto shape() {
    return std::tuple{
        field("tenure", &PredictChurn::tenure, "Months as customer", between(0, 1200)),
        field("monthly_charges", &PredictChurn::monthly_charges, "Monthly payment amount", between(0, 1e6)),
        field("contract_type", &PredictChurn::contract_type, "Contract",
              one_of("Month-to-month", "One year", "Two year")),
        field("payment_method", &PredictChurn::payment_method, "Payment method"),
        field("internet_service", &PredictChurn::internet_service, "Service type"),
        field("total_charges", &PredictChurn::total_charges, "Total charges to date", between(0, 1e9)),
        field("phone_service", &PredictChurn::phone_service, "Has phone service"),
        field("multiple_lines", &PredictChurn::multiple_lines, "Multiple lines status"),
        field("online_security", &PredictChurn::online_security, "Online security service"),
        field("tech_support", &PredictChurn::tech_support, "Tech support service")};
  }
};

struct ChurnPrediction : ChurnOutput {
  static constexpr auto shape() {
    return std::tuple{
        field("churn_probability", &ChurnPrediction::churn_probability, "Churn probability", between(0, 1)),
        field("risk_level", &ChurnPrediction::risk_level, "Band of the probability",
              one_of("Low", "Medium", "High")),
        field("confidence", &ChurnPrediction::confidence, "Probability of the answer given", between(0, 1)),
        field("prediction", &ChurnPrediction::prediction, "1: leaves", between(0, 1)),
        field("key_factors", &ChurnPrediction::key_factors, "The given fields that moved the answer most"),
        field("retention_score", &ChurnPrediction::retention_score, "Retention likelihood", between(0, 100))};
  }
};

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
