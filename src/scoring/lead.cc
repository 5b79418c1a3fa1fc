// How the answer to a lead is worded.
#include "src/scoring/lead.h"

#include "src/scoring/rounding.h"
#include "src/scoring/row_builder.h"

namespace headrace {

Result<LeadRow> lead_row(const Model& model, const LeadInput& input) {
  RowBuilder builder(model);
  builder.category("company_size", input.company_size);
  builder.number("budget", input.budget);
  builder.number("industry_score", input.industry_score);
  builder.number("engagement_score", input.engagement_score);
  builder.number("demographic_score", input.demographic_score);
  builder.number("behavioral_score", input.behavioral_score);
  builder.number("source_score", input.source_score);
  LeadRow out{{}, builder.given()};
  auto row = std::move(builder).row();
  if (!row) return row.problem();
  out.values = std::move(*row);
  return out;
}

LeadOutput lead_answer(const Model& model, const LeadRow& row) {
  double p = rounded(model.probability(row.values), 4);
  LeadOutput out;
  out.score = rounded(100 * p, 2);
  out.quality = model.band(p);
  out.confidence = p;
  out.prediction = p >= model.decision_threshold();
  out.model_version = model.version();
  out.features_used = row.given;
  return out;
}

Result<LeadOutput> predict_lead(const Model& model, const LeadInput& input) {
  auto row = lead_row(model, input);
  if (!row) return row.problem();
  return lead_answer(model, *row);
}

}  // namespace headrace
