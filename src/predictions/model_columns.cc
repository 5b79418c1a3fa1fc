// Serving and training sets make a model's row in this one place.
#include "src/predictions/model_columns.h"

#include <algorithm>
#include <cmath>

namespace headrace {

ModelColumns::ModelColumns(const features::Plan& plan, EntityKind kind, const Model& model) {
  for (auto& feature : model.features()) features_.push_back(plan.index_of(kind, feature.name));
}

void ModelColumns::fill(const FeatureVector& known, std::span<float> row) const {
  for (size_t i = 0; i < row.size(); ++i)
    row[i] = features_[i] ? static_cast<float>(known.values()[*features_[i]]) : NAN;
}

bool ModelColumns::any() const {
  return std::ranges::any_of(features_, [](auto& feature) { return feature.has_value(); });
}

}  // namespace headrace
