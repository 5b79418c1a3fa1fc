// Checking and reading off a piecewise linear function.
#include "src/scoring/prior.h"

#include <algorithm>
#include <cmath>

namespace headrace {
namespace {

// Values at or below 0 count as the least positive float on a logarithmic scale.
double on_scale(double value, bool log10) { return log10 ? std::log10(std::max(value, 1e-38)) : value; }

}  // namespace

Result<Prior> Prior::make(const FeatureFile& feature) {
  Prior prior;
  prior.log10_ = feature.scale == "log10";
  for (const PriorPointFile& point : feature.prior)
    prior.points_.push_back({on_scale(point.at, prior.log10_), point.adds});
  auto& points = prior.points_;
  auto not_ascending = [](const Point& a, const Point& b) { return a.at >= b.at; };
  if (std::adjacent_find(points.begin(), points.end(), not_ascending) != points.end())
    return Problem{Error::bad_model, feature.name, "the points of the prior must ascend"};
  auto falls = [](const Point& a, const Point& b) { return a.adds > b.adds; };
  auto rises = [](const Point& a, const Point& b) { return a.adds < b.adds; };
  if (std::adjacent_find(points.begin(), points.end(), falls) != points.end() &&
      std::adjacent_find(points.begin(), points.end(), rises) != points.end())
    return Problem{Error::bad_model, feature.name, "the prior must rise or fall, not both"};
  return prior;
}

double Prior::at(float value) const {
  if (std::isnan(value) || points_.empty()) return 0;
  double x = on_scale(value, log10_);
  if (x <= points_.front().at) return points_.front().adds;
  if (x >= points_.back().at) return points_.back().adds;
  auto above = std::upper_bound(points_.begin(), points_.end(), x,
                                [](double wanted, const Point& point) { return wanted < point.at; });
  auto below = above - 1;
  double part = (x - below->at) / (above->at - below->at);
  return below->adds + part * (above->adds - below->adds);
}

}  // namespace headrace
