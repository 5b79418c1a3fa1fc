// The container of a model, models/<name>.json, as a shape. What the members mean stands beside them.
//
//   {"headrace_model": 1, "name": "churn_prediction", "version": "v1.0", "task": "...", "summary": "...",
//    "features": [...], "bands": [...], "decision_threshold": 0.5, "card": {...}, "xgboost": {...}}
//
// "xgboost" is a model as XGBoost saves it. Its features are those of "features" without a "prior", in that
// order; features with a prior follow them. Of a row with values x the model says
//     margin = slope * (XGBoost's margin) + intercept + sum over the priors of prior(x)
// and the probability is its logistic function. A missing value takes the branch that training chose; of a
// prior it adds nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/shape.h"

namespace headrace {

struct CategoryFile {
  std::string value;
  std::vector<std::string> aliases;

  static constexpr auto shape() {
    return std::tuple{field("value", &CategoryFile::value, "As documented", length(1, 128)),
                      field("aliases", &CategoryFile::aliases, "Other spellings accepted", optional_field)};
  }
};

struct PriorPointFile {
  double at = 0, adds = 0;

  static constexpr auto shape() {
    return std::tuple{field("at", &PriorPointFile::at, "Value of the feature"),
                      field("adds", &PriorPointFile::adds, "Log-odds added there", between(-5, 5))};
  }
};

struct FeatureFile {
  std::string name, kind, description, scale = "linear";
  std::optional<double> min, max;
  std::vector<CategoryFile> categories;
  std::vector<PriorPointFile> prior;

  static constexpr auto shape() {
    return std::tuple{
        field("name", &FeatureFile::name, "Unique within the model", length(1, 128)),
        field("kind", &FeatureFile::kind, "A category is given as its index", one_of("numeric", "category")),
        field("description", &FeatureFile::description, "What it is, for people", optional_field),
        field("min", &FeatureFile::min, "Least value that makes sense"),
        field("max", &FeatureFile::max, "Greatest value that makes sense"),
        field("categories", &FeatureFile::categories, "In the order of their indexes", optional_field),
        field("scale", &FeatureFile::scale, "In which the prior is linear", one_of("linear", "log10"),
              optional_field),
        field("prior", &FeatureFile::prior,
              "Belief that no data informs: monotone, linear between its points", optional_field)};
  }
};

struct BandFile {
  std::string name;
  double from = 0;

  static constexpr auto shape() {
    return std::tuple{field("name", &BandFile::name, "Such as High", length(1, 64)),
                      field("from", &BandFile::from, "Least probability in it", between(0, 1))};
  }
};

struct CalibrationFile {
  double slope = 1, intercept = 0;

  static constexpr auto shape() {
    return std::tuple{field("slope", &CalibrationFile::slope, "Greater than 0", between(1e-6, 1e6)),
                      field("intercept", &CalibrationFile::intercept, "Log-odds", between(-100, 100))};
  }
};

struct ModelFile {
  int64_t headrace_model = 0;
  std::string name, version, task, summary;
  std::vector<FeatureFile> features;
  std::optional<CalibrationFile> calibration;
  std::vector<BandFile> bands;
  double decision_threshold = 0.5;
  RawJson card, xgboost;

  static constexpr auto shape() {
    return std::tuple{
        field("headrace_model", &ModelFile::headrace_model, "Version of this format", between(1, 1)),
        field("name", &ModelFile::name, "Unique within a server", length(1, 64)),
        field("version", &ModelFile::version, "Of this model", length(1, 64)),
        field("task", &ModelFile::task, "What the probability is of", length(1, 256)),
        field("summary", &ModelFile::summary, "For people", length(1, 2000)),
        field("features", &ModelFile::features, "In the order of a row"),
        field("calibration", &ModelFile::calibration, "Correction of the margin"),
        field("bands", &ModelFile::bands, "Ascending, the first from 0", optional_field),
        field("decision_threshold", &ModelFile::decision_threshold,
              "Probability from which the answer is yes", between(0, 1), optional_field),
        field("card", &ModelFile::card, "Where it comes from and how it was measured"),
        field("xgboost", &ModelFile::xgboost, "The model as XGBoost saves it")};
  }
};

}  // namespace headrace
