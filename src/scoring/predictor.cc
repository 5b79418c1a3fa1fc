// The transform of the objectives.
#include "src/scoring/predictor.h"

#include <algorithm>
#include <cmath>

namespace headrace {

float sigmoid(float margin) {
  float power = std::exp(std::min(-margin, 88.7f));
  return 1.0f / (power + 1.0f + 1e-16f);
}

}  // namespace headrace
