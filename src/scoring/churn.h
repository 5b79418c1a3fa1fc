// Churn prediction: the documented request to a row of the model `churn`, the row to the documented answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/model.h"

namespace headrace {

struct ChurnInput {
  double tenure = 0;           // months
  double monthly_charges = 0;  // money
  std::string contract_type;
  std::optional<std::string> payment_method = {}, internet_service = {};
  std::optional<double> total_charges = {};
  std::optional<bool> phone_service = {};
  std::optional<std::string> multiple_lines = {}, online_security = {}, tech_support = {};
};

struct ChurnOutput {
  double churn_probability = 0;  // four decimals
  std::string risk_level;        // Low, Medium, High: bands of the model
  double confidence = 0;         // probability of the answer given
  int64_t prediction = 0;
  std::vector<std::string> key_factors;  // the three given fields that moved the answer most
  double retention_score = 0;            // 100 (1 - churn_probability)
};

// Error::invalid_input naming field and rule. What the request implies is filled in: without phone service
// there are no lines, without internet no security or support.
Result<std::vector<float>> churn_row(const Model& model, const ChurnInput& input);
// The answer to a row made by churn_row().
ChurnOutput churn_answer(const Model& model, std::span<const float> row);
Result<ChurnOutput> predict_churn(const Model& model, const ChurnInput& input);

}  // namespace headrace
