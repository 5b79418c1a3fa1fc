// A monotone belief about one feature, added to the log-odds of a model that no data told about it.
#pragma once

#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/model_file.h"

namespace headrace {

class Prior {
 public:
  static Result<Prior> make(const FeatureFile& feature);

  // Log-odds at `value`: linear between the points, constant outside; 0 where it is missing (NaN).
  double at(float value) const;

 private:
  struct Point {
    double at, adds;
  };

  bool log10_ = false;
  std::vector<Point> points_;  // ascending
};

}  // namespace headrace
