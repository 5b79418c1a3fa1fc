// What a churn request implies, and how its answer is worded.
#include "src/scoring/churn.h"

#include <algorithm>
#include <cmath>

#include "src/scoring/rounding.h"
#include "src/scoring/row_builder.h"
#include "src/scoring/text_match.h"

namespace headrace {
namespace {

constexpr size_t key_factor_count = 3;

ChurnInput completed(ChurnInput input) {
  if (input.phone_service == false && !input.multiple_lines) input.multiple_lines = "No phone service";
  if (input.internet_service && equal_ignoring_case(*input.internet_service, "No")) {
    if (!input.online_security) input.online_security = "No internet service";
    if (!input.tech_support) input.tech_support = "No internet service";
  }
  return input;
}

std::vector<std::string> key_factors(const Explanation& why) {
  std::vector<std::string> out;
  for (const Reason& reason : why.reasons)
    if (out.size() < key_factor_count && !std::isnan(reason.value)) out.push_back(reason.feature);
  return out;
}

}  // namespace

Result<std::vector<float>> churn_row(const Model& model, const ChurnInput& input) {
  ChurnInput in = completed(input);
  RowBuilder row(model);
  row.number("tenure", in.tenure);
  row.number("monthly_charges", in.monthly_charges);
  row.category("contract_type", in.contract_type);
  row.category("payment_method", in.payment_method);
  row.category("internet_service", in.internet_service);
  row.number("total_charges", in.total_charges);
  if (in.phone_service) row.category("phone_service", *in.phone_service ? "Yes" : "No");
  row.category("multiple_lines", in.multiple_lines);
  row.category("online_security", in.online_security);
  row.category("tech_support", in.tech_support);
  return std::move(row).row();
}

ChurnOutput churn_answer(const Model& model, std::span<const float> row) {
  double p = rounded(model.probability(row), 4);
  ChurnOutput out;
  out.churn_probability = p;
  out.risk_level = model.band(p);
  out.prediction = p >= model.decision_threshold();
  out.confidence = rounded(out.prediction ? p : 1 - p, 4);
  out.key_factors = key_factors(model.explain(row));
  out.retention_score = rounded(100 * (1 - p), 2);
  return out;
}

Result<ChurnOutput> predict_churn(const Model& model, const ChurnInput& input) {
  auto row = churn_row(model, input);
  if (!row) return row.problem();
  return churn_answer(model, *row);
}

}  // namespace headrace
