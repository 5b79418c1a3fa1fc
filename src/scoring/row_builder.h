// Filling a row of a model from a request, field by field, with a problem that names the field and the rule.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/model.h"

namespace headrace {

// The first problem is kept, later calls do nothing. A field that the model has no feature for (a user's own
// model may know fewer) is checked for being a number and otherwise ignored.
class RowBuilder {
 public:
  explicit RowBuilder(const Model& model) : model_(model), row_(model.empty_row()) {}

  // An empty value leaves the field missing.
  void number(std::string_view field, std::optional<double> value);  // within the bounds of the feature
  void category(std::string_view field, std::optional<std::string_view> value);

  Result<std::vector<float>> row() &&;
  const std::vector<std::string>& given() const { return given_; }  // fields set, in order

 private:
  const Feature* feature_of(std::string_view field, float*& slot);
  void fail(std::string_view field, std::string rule);

  const Model& model_;
  std::vector<float> row_;
  std::vector<std::string> given_;
  std::optional<Problem> problem_;
};

}  // namespace headrace
