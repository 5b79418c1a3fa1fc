// A model ready to score: features with names, the forest, what is added to its margin, bands, and reasons.
//
// Operation: Model::load checks a file completely; afterwards nothing can fail. A row is one float per
// feature in the order of features(), NaN where nothing is known, categories as their index.
// Lives on: any thread; immutable. Limits: those of models in base/limits.h.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/predictor.h"
#include "src/scoring/prior.h"
#include "src/scoring/tree_shap.h"

namespace headrace {

struct Feature {
  std::string name, description;
  std::string json_key;  // "name":
  bool category = false;
  bool prior = false;  // no data informed it: the card names it
  std::optional<double> min, max;
  std::vector<CategoryFile> categories;

  // The index of a category by value or alias, whatever the case of its letters.
  std::optional<float> code(std::string_view text) const;
  // The documented value of an index; empty for numeric features and unknown indexes.
  std::string_view label(float code) const;
  // "A, B or C"
  std::string choices() const;
};

// What one feature added to the log-odds of a prediction.
struct Reason {
  std::string feature;
  float value = 0;    // NaN: missing
  std::string label;  // of a category
  double contribution = 0;
};

struct Explanation {
  double bias = 0;  // log-odds of an average training row
  std::vector<Reason>
      reasons;  // one per feature, the strongest first; with the bias they add up to the margin
};

class Model {
 public:
  // Reads a container (model_file.h). Error::bad_model with a sentence for anything wrong in it.
  static Result<std::shared_ptr<const Model>> load(std::string_view json);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& task() const { return task_; }
  const std::string& summary() const { return summary_; }
  const std::string& card_json() const { return card_json_; }
  // "model":"...","version":"..."
  const std::string& json_identity() const { return json_identity_; }
  std::span<const Feature> features() const { return features_; }
  std::optional<size_t> index_of(std::string_view feature) const;
  std::vector<float> empty_row() const;  // all missing

  float margin(std::span<const float> row) const;
  float probability(std::span<const float> row) const { return trees_.transform(margin(row)); }
  // `rows` are out.size() rows behind each other.
  void predict_rows(std::span<const float> rows, std::span<float> out) const;
  // Tens of microseconds for a hundred trees: not for every request.
  Explanation explain(std::span<const float> row) const;

  double decision_threshold() const { return decision_threshold_; }
  // The name of the band that holds `probability`; empty if the model has none.
  std::string_view band(double probability) const;

 private:
  Model(Ensemble ensemble, const ModelFile& file);

  float adjusted(float margin, std::span<const float> row) const;

  std::string name_, version_, task_, summary_, card_json_, json_identity_;
  std::vector<Feature> features_;  // of the trees first, then those with a prior
  Predictor trees_;
  TreeShap shap_;
  std::optional<CalibrationFile> calibration_;
  std::vector<Prior> priors_;
  std::vector<BandFile> bands_;
  double decision_threshold_;
};

}  // namespace headrace
