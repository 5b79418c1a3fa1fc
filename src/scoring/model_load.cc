// Reading a model file: the container by its shape, XGBoost's part by its reader, then how they fit.
#include <algorithm>
#include <cmath>
#include <set>

#include "codec/json.h"
#include "src/base/limits.h"
#include "src/scoring/model.h"
#include "src/scoring/text_match.h"
#include "src/scoring/xgboost_json.h"

namespace headrace {
namespace {

Problem bad(std::string about, std::string sentence) {
  return {Error::bad_model, std::move(about), std::move(sentence)};
}

Result<> check_categories(const FeatureFile& feature) {
  bool category = feature.kind == "category";
  if (category != !feature.categories.empty())
    return bad(feature.name, "a category feature needs categories, a numeric one has none");
  std::vector<std::string_view> names;
  for (const CategoryFile& each : feature.categories) {
    names.push_back(each.value);
    names.insert(names.end(), each.aliases.begin(), each.aliases.end());
  }
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (equal_ignoring_case(names[i], names[j])) return bad(feature.name, "two categories have one name");
  return Done{};
}

Result<> check_features(const std::vector<FeatureFile>& features) {
  if (features.size() > limits::model_features_max) return bad("features", "there are too many");
  std::set<std::string_view> names;
  bool prior_seen = false;
  for (const FeatureFile& feature : features) {
    if (!names.insert(feature.name).second) return bad(feature.name, "two features have this name");
    bool prior = !feature.prior.empty();
    if (prior_seen && !prior) return bad(feature.name, "features with a prior must come last");
    prior_seen = prior;
    TRY_DONE(check_categories(feature));
    if (auto made = Prior::make(feature); !made) return made.problem();
  }
  return Done{};
}

Result<> check_bands(const std::vector<BandFile>& bands) {
  auto not_ascending = [](const BandFile& a, const BandFile& b) { return a.from >= b.from; };
  if (std::ranges::adjacent_find(bands, not_ascending) != bands.end())
    return bad("bands", "they must ascend");
  if (!bands.empty() && bands.front().from != 0) return bad("bands", "the first must start at 0");
  return Done{};
}

Result<> check_fit(const std::vector<FeatureFile>& features, const Ensemble& ensemble) {
  auto in_trees = static_cast<size_t>(
      std::ranges::count_if(features, [](const FeatureFile& feature) { return feature.prior.empty(); }));
  if (in_trees != ensemble.feature_count)
    return bad("features", "the trees know " + std::to_string(ensemble.feature_count) + ", this names " +
                               std::to_string(in_trees) + " without a prior");
  for (size_t i = 0; i < ensemble.feature_names.size(); ++i)
    if (ensemble.feature_names[i] != features[i].name)
      return bad(features[i].name, "the trees call this feature " + ensemble.feature_names[i]);
  return Done{};
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

Feature feature_of(const FeatureFile& file) {
  return {file.name, file.description, quoted(file.name) + ':', file.kind == "category", !file.prior.empty(),
          file.min,  file.max,         file.categories};
}

}  // namespace

Model::Model(Ensemble ensemble, const ModelFile& file)
    : name_(file.name),
      version_(file.version),
      task_(file.task),
      summary_(file.summary),
      card_json_(file.card.text),
      json_identity_("\"model\":" + quoted(name_) + ",\"version\":" + quoted(version_)),
      trees_(ensemble),
      shap_(ensemble),
      calibration_(file.calibration),
      bands_(file.bands),
      decision_threshold_(file.decision_threshold) {
  for (const FeatureFile& feature : file.features) {
    features_.push_back(feature_of(feature));
    if (!feature.prior.empty()) priors_.push_back(*Prior::make(feature));
  }
}

Result<std::shared_ptr<const Model>> Model::load(std::string_view json) {
  if (json.size() > limits::model_bytes_max) return bad("", "the file is larger than a model may be");
  auto file = from_json<ModelFile>(json);
  if (!file) return bad(file.problem().field, file.problem().detail);
  TRY_DONE(check_features(file->features));
  TRY_DONE(check_bands(file->bands));
  auto ensemble = read_xgboost_json(file->xgboost.text);
  if (!ensemble) return bad("xgboost", ensemble.problem().text());
  TRY_DONE(check_fit(file->features, *ensemble));
  return std::shared_ptr<const Model>(new Model(std::move(*ensemble), *file));
}

}  // namespace headrace
