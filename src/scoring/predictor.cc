// The transform of the objectives.
#include "src/scoring/predictor.h"

#include <algorithm>
#include <cmath>

namespace headrace {

float sigmoid(float margin) {
  float power = std::exp(std::min(-margin, 88.7f));
  return 1.0f / (power + 1.0f + 1e-16f);
}

void Predictor::predict_rows(std::span<const float> rows, std::span<float> out) const {
  forest_.margins(rows, out);
  for (float& value : out) value = transform(value);
}

}  // namespace headrace
