// Lead scoring: the documented request to a row of the model `lead_scoring`, the row to the documented
// answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/model.h"

namespace headrace {

struct LeadInput {
  std::string company_size;
  double budget = 0;          // USD
  double industry_score = 1;  // this and the other scores: 1 to 10
  std::optional<double> engagement_score = {}, demographic_score = {}, behavioral_score = {},
                        source_score = {};
};

struct LeadOutput {
  double score = 0;       // 0 to 100, two decimals
  std::string quality;    // Cold, Warm, Hot: bands of the model
  double confidence = 0;  // score / 100
  int64_t prediction = 0;
  std::string model_version;
  std::vector<std::string> features_used;  // the fields given
};

// A row of the model, and the names of the fields that were given.
struct LeadRow {
  std::vector<float> values;
  std::vector<std::string> given;
};

// Error::invalid_input naming field and rule.
Result<LeadRow> lead_row(const Model& model, const LeadInput& input);
LeadOutput lead_answer(const Model& model, const LeadRow& row);
Result<LeadOutput> predict_lead(const Model& model, const LeadInput& input);

}  // namespace headrace
