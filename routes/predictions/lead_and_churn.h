// Lead scoring and churn from the outside: the shapes of what is asked and answered, of one or of a file.
#pragma once

#include <optional>
#include <string>

#include "codec/shape.h"
#include "src/base/limits.h"
#include "src/scoring/churn.h"
#include "src/scoring/lead.h"

namespace headrace {

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

// The two as kinds of row: an input becomes a row of the model and the answer to it.
struct LeadKind {
  using Input = ScoreLead;
  using Output = LeadPrediction;
  static constexpr std::string_view model = "lead_scoring";
  static Result<std::vector<float>> score(const Model& its, const Input& input, Output& out) {
    Result<LeadRow> row = lead_row(its, input);
    if (!row.ok()) return row.problem();
    static_cast<LeadOutput&>(out) = lead_answer(its, *row);
    return std::move(row->values);
  }
  static std::string_view id_of(const Input& input) { return input.lead_id ? *input.lead_id : std::string_view(); }
};

struct ChurnKind {
  using Input = PredictChurn;
  using Output = ChurnPrediction;
  static constexpr std::string_view model = "churn_prediction";
  static Result<std::vector<float>> score(const Model& its, const Input& input, Output& out) {
    Result<std::vector<float>> row = churn_row(its, input);
    if (row.ok()) static_cast<ChurnOutput&>(out) = churn_answer(its, *row);
    return row;
  }
  static std::string_view id_of(const Input&) { return {}; }
};

}  // namespace headrace
