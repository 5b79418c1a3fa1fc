// From a row to XGBoost's prediction: the sum over the trees, then what the objective makes of it.
#pragma once

#include <span>

#include "src/scoring/forest.h"
#include "src/scoring/tree.h"

namespace headrace {

// The logistic function with XGBoost's own steps in float (its bound keeps expf finite), for its bits.
float sigmoid(float margin);

class Predictor {
 public:
  explicit Predictor(const Ensemble& ensemble) : objective_(ensemble.objective), forest_(ensemble) {}

  const Forest& forest() const { return forest_; }
  Objective objective() const { return objective_; }

  float predict(std::span<const float> row) const { return transform(forest_.margin(row)); }
  float transform(float margin) const { return objective_ == Objective::logistic ? sigmoid(margin) : margin; }

 private:
  Objective objective_;
  Forest forest_;
};

}  // namespace headrace
