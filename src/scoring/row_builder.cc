// Range checks, category codes, and the first problem.
#include "src/scoring/row_builder.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace headrace {

void RowBuilder::fail(std::string_view field, std::string rule) {
  if (!problem_) problem_ = Problem{Error::invalid_input, std::string(field), std::move(rule)};
}

const Feature* RowBuilder::feature_of(std::string_view field, float*& slot) {
  given_.emplace_back(field);
  auto index = model_.index_of(field);
  if (!index) return nullptr;
  slot = &row_[*index];
  return &model_.features()[*index];
}

void RowBuilder::number(std::string_view field, std::optional<double> value) {
  if (!value) return;
  if (!(std::abs(*value) <= std::numeric_limits<float>::max()))
    return fail(field, "must be a finite number of usual size");
  float* slot = nullptr;
  const Feature* feature = feature_of(field, slot);
  if (!feature) return;
  if (feature->min && *value < *feature->min)
    return fail(field, fmt::format("must be at least {}", *feature->min));
  if (feature->max && *value > *feature->max)
    return fail(field, fmt::format("must be at most {}", *feature->max));
  *slot = static_cast<float>(*value);
}

void RowBuilder::category(std::string_view field, std::optional<std::string_view> value) {
  if (!value) return;
  float* slot = nullptr;
  const Feature* feature = feature_of(field, slot);
  if (!feature) return;
  auto code = feature->code(*value);
  if (!code) return fail(field, "must be one of " + feature->choices());
  *slot = *code;
}

Result<std::vector<float>> RowBuilder::row() && {
  if (problem_) return *problem_;
  return std::move(row_);
}

}  // namespace headrace
