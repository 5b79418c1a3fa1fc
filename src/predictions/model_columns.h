// ModelColumns: which feature of an entity fills which column of a model, by name.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/features/engine.h"
#include "src/scoring/model.h"

namespace headrace {

class ModelColumns {
 public:
  ModelColumns(const features::Plan& plan, EntityKind kind, const Model& model);

  size_t size() const { return features_.size(); }
  // What the model is given: a column that no feature fills, and a feature that is not known, are missing.
  void fill(const FeatureVector& known, std::span<float> row) const;
  bool any() const;  // column is filled

 private:
  std::vector<std::optional<size_t>> features_;  // by column
};

}  // namespace headrace
