// Scoring with a loaded model.
#include "src/scoring/model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/check.h"
#include "src/scoring/text_match.h"

namespace headrace {

std::optional<float> Feature::code(std::string_view text) const {
  for (size_t i = 0; i < categories.size(); ++i) {
    auto same = [&](const std::string& known) { return equal_ignoring_case(known, text); };
    if (same(categories[i].value) || std::ranges::any_of(categories[i].aliases, same))
      return static_cast<float>(i);
  }
  return std::nullopt;
}

std::string_view Feature::label(float code) const {
  bool known = code >= 0 && code < static_cast<float>(categories.size());
  return known ? std::string_view(categories[static_cast<size_t>(code)].value) : std::string_view();
}

std::string Feature::choices() const {
  std::string out;
  for (size_t i = 0; i < categories.size(); ++i) {
    if (i > 0) out += i + 1 == categories.size() ? " or " : ", ";
    out += categories[i].value;
  }
  return out;
}

std::optional<size_t> Model::index_of(std::string_view feature) const {
  for (size_t i = 0; i < features_.size(); ++i)
    if (features_[i].name == feature) return i;
  return std::nullopt;
}

std::vector<float> Model::empty_row() const {
  return std::vector<float>(features_.size(), std::numeric_limits<float>::quiet_NaN());
}

float Model::adjusted(float margin, std::span<const float> row) const {
  if (!calibration_ && priors_.empty()) return margin;  // XGBoost's own bits
  double sum = margin;
  if (calibration_) sum = calibration_->slope * sum + calibration_->intercept;
  for (size_t i = 0; i < priors_.size(); ++i) sum += priors_[i].at(row[trees_.forest().feature_count() + i]);
  return static_cast<float>(sum);
}

float Model::margin(std::span<const float> row) const {
  CHECK(row.size() == features_.size());
  return adjusted(trees_.forest().margin(row.first(trees_.forest().feature_count())), row);
}

void Model::predict_rows(std::span<const float> rows, std::span<float> out) const {
  size_t width = features_.size();
  CHECK(rows.size() == out.size() * width);
  trees_.forest().margins(rows, width, out);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = trees_.transform(adjusted(out[i], rows.subspan(i * width, width)));
}

Explanation Model::explain(std::span<const float> row) const {
  CHECK(row.size() == features_.size());
  size_t in_trees = trees_.forest().feature_count();
  std::vector<double> adds(features_.size());
  shap_.contributions(row.first(in_trees), std::span(adds).first(in_trees));
  Explanation out{.bias = shap_.bias(), .reasons = {}};
  if (calibration_) {
    out.bias = calibration_->slope * out.bias + calibration_->intercept;
    for (double& added : adds) added *= calibration_->slope;
  }
  for (size_t i = 0; i < priors_.size(); ++i) adds[in_trees + i] = priors_[i].at(row[in_trees + i]);
  for (size_t i = 0; i < features_.size(); ++i)
    out.reasons.push_back({features_[i].name, row[i], std::string(features_[i].label(row[i])), adds[i]});
  std::ranges::stable_sort(out.reasons, std::ranges::greater{},
                           [](const Reason& reason) { return std::abs(reason.contribution); });
  return out;
}

std::string_view Model::band(double probability) const {
  std::string_view name;
  for (const BandFile& band : bands_)
    if (probability >= band.from) name = band.name;
  return name;
}

}  // namespace headrace
