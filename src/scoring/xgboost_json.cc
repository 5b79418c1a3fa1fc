// From XGBoost's JSON to trees: first every value into arrays, then the arrays into checked trees.
#include "src/scoring/xgboost_json.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "codec/json_walk.h"
#include "src/base/limits.h"
#include "src/scoring/tree_order.h"

namespace headrace {
namespace {

namespace od = simdjson::ondemand;

Problem bad_json(std::string sentence) { return {Error::bad_model, std::move(sentence)}; }

struct RawModel {
  std::string booster, objective, base_score;
  std::string feature_count = "0", class_count = "0", target_count = "1", leaf_vector = "0";
  std::vector<std::string> feature_names;
  std::vector<int64_t> tree_info;
  std::vector<TreeArrays> trees;
  size_t node_count = 0;
};

// Calls read(key, value) for each member; what `read` does not touch is skipped.
template <class Read>
Result<> each_member(od::value value, std::string_view what, Read read) {
  od::object object;
  if (value.get_object().get(object)) return bad_json(std::string(what) + " is not an object");
  for (auto member : object) {
    std::string_view key;
    od::value inner;
    if (member.unescaped_key().get(key) || member.value().get(inner)) return bad_json("malformed JSON");
    TRY_DONE(read(key, inner));
  }
  return Done{};
}

template <class Read>
Result<> each_item(od::value value, std::string_view what, size_t count_max, Read read) {
  od::array array;
  if (value.get_array().get(array)) return bad_json(std::string(what) + " is not an array");
  size_t count = 0;
  for (auto item : array) {
    od::value inner;
    if (item.get(inner)) return bad_json("malformed JSON");
    if (++count > count_max)
      return bad_json(std::string(what) + " has more than " + std::to_string(count_max) + " items");
    TRY_DONE(read(inner));
  }
  return Done{};
}

Result<> read_string(od::value value, std::string_view what, std::string& out) {
  std::string_view text;
  if (value.get_string().get(text)) return bad_json(std::string(what) + " is not a string");
  out = text;
  return Done{};
}

std::optional<float> float_of(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  float number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// Through the token, not through double: rounding twice could miss the float that was written.
Result<> read_float(od::value value, std::string_view what, std::vector<float>& out) {
  auto number = float_of(value.raw_json_token());
  if (!number) return bad_json(std::string(what) + " holds something that is not a finite float");
  out.push_back(*number);
  return Done{};
}

Result<> read_integer(od::value value, std::string_view what, std::vector<int64_t>& out) {
  int64_t number = 0;
  bool flag = false;
  if (value.get_int64().get(number)) {
    if (value.get_bool().get(flag)) return bad_json(std::string(what) + " holds something that is not an integer");
    number = flag;  // default_left was written as booleans before 1.6
  }
  out.push_back(number);
  return Done{};
}

Result<> read_integers(od::value value, std::string_view what, size_t count_max, std::vector<int64_t>& out) {
  return each_item(value, what, count_max, [&](od::value item) { return read_integer(item, what, out); });
}

Result<> read_floats(od::value value, std::string_view what, std::vector<float>& out) {
  return each_item(value, what, limits::tree_nodes_max,
                   [&](od::value item) { return read_float(item, what, out); });
}

Result<> read_tree_member(std::string_view key, od::value value, TreeArrays& tree) {
  constexpr size_t most = limits::tree_nodes_max;
  if (key == "left_children") return read_integers(value, key, most, tree.left);
  if (key == "right_children") return read_integers(value, key, most, tree.right);
  if (key == "split_indices") return read_integers(value, key, most, tree.feature);
  if (key == "default_left") return read_integers(value, key, most, tree.missing_left);
  if (key == "split_type") return read_integers(value, key, most, tree.split_type);
  if (key == "split_conditions") return read_floats(value, key, tree.value);
  if (key == "sum_hessian") return read_floats(value, key, tree.cover);
  return Done{};
}

Result<> read_tree(od::value value, RawModel& model) {
  TreeArrays tree;
  TRY_DONE(each_member(value, "a tree", [&](std::string_view key, od::value inner) {
    return read_tree_member(key, inner, tree);
  }));
  model.node_count += tree.left.size();
  if (model.node_count > limits::model_nodes_max) return bad_json("the trees have too many nodes together");
  model.trees.push_back(std::move(tree));
  return Done{};
}

Result<> read_gbtree(od::value value, RawModel& model) {
  return each_member(value, "gradient_booster.model", [&](std::string_view key, od::value inner) -> Result<> {
    if (key == "tree_info") return read_integers(inner, key, limits::model_trees_max, model.tree_info);
    if (key == "trees")
      return each_item(inner, key, limits::model_trees_max,
                       [&](od::value tree) { return read_tree(tree, model); });
    if (key != "gbtree_model_param") return Done{};
    return each_member(inner, key, [&](std::string_view name, od::value text) -> Result<> {
      return name == "size_leaf_vector" ? read_string(text, name, model.leaf_vector) : Done{};
    });
  });
}

Result<> read_booster(od::value value, RawModel& model) {
  return each_member(value, "gradient_booster", [&](std::string_view key, od::value inner) -> Result<> {
    if (key == "name") return read_string(inner, key, model.booster);
    return key == "model" ? read_gbtree(inner, model) : Done{};
  });
}

Result<> read_parameters(od::value value, RawModel& model) {
  return each_member(value, "learner_model_param", [&](std::string_view key, od::value inner) -> Result<> {
    if (key == "base_score") return read_string(inner, key, model.base_score);
    if (key == "num_feature") return read_string(inner, key, model.feature_count);
    if (key == "num_class") return read_string(inner, key, model.class_count);
    return key == "num_target" ? read_string(inner, key, model.target_count) : Done{};
  });
}

Result<> read_names(od::value value, RawModel& model) {
  return each_item(value, "feature_names", limits::model_features_max, [&](od::value name) {
    return read_string(name, "a feature name", model.feature_names.emplace_back());
  });
}

Result<> read_learner(od::value value, RawModel& model) {
  return each_member(value, "learner", [&](std::string_view key, od::value inner) -> Result<> {
    if (key == "feature_names") return read_names(inner, model);
    if (key == "gradient_booster") return read_booster(inner, model);
    if (key == "learner_model_param") return read_parameters(inner, model);
    if (key != "objective") return Done{};
    return each_member(inner, key, [&](std::string_view name, od::value text) -> Result<> {
      return name == "name" ? read_string(text, "objective.name", model.objective) : Done{};
    });
  });
}

Result<RawModel> read_document(std::string_view json) {
  if (json.size() > limits::model_bytes_max) return bad_json("the file is larger than a model may be");
  if (auto whole = check_text(json, 1); !whole) return bad_json(whole.problem().text());
  simdjson::padded_string padded(json);
  od::parser parser;
  od::document document;
  od::value top;
  if (parser.iterate(padded).get(document) || document.get_value().get(top)) return bad_json("malformed JSON");
  RawModel model;
  TRY_DONE(each_member(top, "the file", [&](std::string_view key, od::value inner) -> Result<> {
    return key == "learner" ? read_learner(inner, model) : Done{};
  }));
  return model;
}

bool is_zero_or_one(std::string_view text) { return text == "0" || text == "1"; }

Result<> check_supported(const RawModel& model) {
  if (model.booster != "gbtree") return bad_json("the booster is '" + model.booster + "', only gbtree is known");
  bool one_output = is_zero_or_one(model.class_count) && is_zero_or_one(model.target_count) &&
                    is_zero_or_one(model.leaf_vector);
  for (int64_t group : model.tree_info) one_output = one_output && group == 0;
  if (!one_output) return bad_json("models with several outputs are not supported");
  return Done{};
}

Result<uint32_t> feature_count_of(const RawModel& model) {
  uint32_t count = 0;
  const std::string& text = model.feature_count;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (code != std::errc() || end != text.data() + text.size() || count == 0)
    return bad_json("num_feature is not a positive number");
  if (count > limits::model_features_max)
    return bad_json("more than " + std::to_string(limits::model_features_max) + " features");
  if (!model.feature_names.empty() && model.feature_names.size() != count)
    return bad_json("there are not as many feature_names as num_feature says");
  return count;
}

// 3.1 and later write the score in brackets.
std::string_view without_brackets(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' ? text.substr(1, text.size() - 2)
                                                                      : text;
}

Result<> read_objective(const RawModel& model, Ensemble& out) {
  auto score = float_of(without_brackets(model.base_score));
  if (!score) return bad_json("base_score is not a finite float");
  const std::string& name = model.objective;
  bool logistic = name == "binary:logistic" || name == "reg:logistic";
  if (!logistic && name != "binary:logitraw" && name != "reg:squarederror")
    return bad_json("the objective '" + name + "' is not supported");
  if (logistic && !(*score > 0 && *score < 1)) return bad_json("base_score must lie between 0 and 1");
  out.objective = logistic ? Objective::logistic : Objective::identity;
  out.base_margin = logistic ? -std::log(1.0f / *score - 1.0f) : *score;  // logitraw takes it as a margin
  return Done{};
}

}  // namespace

Result<Ensemble> read_xgboost_json(std::string_view json) {
  auto model = read_document(json);
  if (!model) return model.problem();
  TRY_DONE(check_supported(*model));
  auto feature_count = feature_count_of(*model);
  if (!feature_count) return feature_count.problem();
  Ensemble out;
  out.feature_count = *feature_count;
  out.feature_names = std::move(model->feature_names);
  TRY_DONE(read_objective(*model, out));
  for (size_t i = 0; i < model->trees.size(); ++i) {
    auto tree = order_tree(model->trees[i], out.feature_count);
    if (!tree) return bad_json("tree " + std::to_string(i) + ": " + tree.problem().detail);
    out.trees.push_back(std::move(*tree));
  }
  return out;
}

}  // namespace headrace
