// Model files that lie: every one must be refused with a sentence, none may crash.
#include "src/scoring/xgboost_json.h"

#include <gtest/gtest.h>

#include <random>

#include "src/scoring/forest.h"
#include "src/scoring/tree_shap.h"
#include "tests/scoring/random_models.h"
#include "tests/scoring/xgb.h"

namespace headrace {
namespace {

constexpr std::string_view good_json = R"({"learner":{"feature_names":["a","b"],"gradient_booster":{"model":{
  "gbtree_model_param":{"num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{
  "default_left":[1,0,0],"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[0.5,-1.5,2.5],
  "split_indices":[1,0,0],"split_type":[0,0,0],"sum_hessian":[3,1,2]}]},"name":"gbtree"},
  "learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"},
  "objective":{"name":"binary:logistic"}},"version":[1,7,4]})";

std::string json_with(std::string_view what, std::string_view instead) {
  std::string text(good_json);
  auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

TEST(XGBoostJson, ReadsASmallModel) {
  auto model = read_xgboost_json(good_json);
  ASSERT_TRUE(model.ok()) << model.problem().text();
  EXPECT_EQ(model->feature_count, 2u);
  EXPECT_EQ(model->feature_names, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(model->trees.size(), 1u);
  EXPECT_EQ(model->trees[0].depth, 1u);
  EXPECT_TRUE(model->trees[0].nodes[0].missing_left);
  EXPECT_EQ(model->trees[0].nodes[2].value, 2.5f);
}

struct Lie {
  std::string_view what, instead, sentence;
};

TEST(XGBoostJson, RefusesLiesWithASentence) {
  const Lie lies[] = {
      {"[1,-1,-1],\"right", "[7,-1,-1],\"right", "out of range"},
      {"[1,-1,-1],\"right", "[0,-1,-1],\"right", "reached twice"},
      {"[1,-1,-1],\"right", "[2,-1,-1],\"right", "reached twice"},
      {"[1,-1,-1],\"right", "[-1,-1,-1],\"right", "out of range"},
      {"[1,-1,-1],\"right", "[-2,-1,-1],\"right", "out of range"},
      {"[1,-1,-1],\"right", "[1,-1],\"right", "differ in length"},
      {"[1,-1,-1],\"right", "[],\"right", "no nodes"},
      {"[1,-1,-1],\"right", "[1.5,-1,-1],\"right", "not an integer"},
      {"[1,-1,-1],\"right", "[99999999999999999999,-1,-1],\"right", ""},
      {"\"split_indices\":[1", "\"split_indices\":[2", "does not exist"},
      {"\"split_indices\":[1", "\"split_indices\":[-1", "does not exist"},
      {"\"split_type\":[0", "\"split_type\":[1", "categorical"},
      {"\"default_left\":[1", "\"default_left\":[5", "default_left"},
      {"0.5,-1.5", "1e39,-1.5", "finite float"},
      {"0.5,-1.5", "\"0.5\",-1.5", "finite float"},
      {"0.5,-1.5", "null,-1.5", "finite float"},
      {"0.5,-1.5", "NaN,-1.5", ""},
      {"\"sum_hessian\":[3", "\"sum_hessian\":[-3", "weight"},
      {"\"sum_hessian\"", "\"sum_of_hessian\"", "differ in length"},
      {"\"name\":\"gbtree\"", "\"name\":\"dart\"", "dart"},
      {"binary:logistic", "multi:softprob", "multi:softprob"},
      {"\"num_class\":\"0\"", "\"num_class\":\"3\"", "several outputs"},
      {"\"tree_info\":[0]", "\"tree_info\":[1]", "several outputs"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"0\"", "num_feature"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"-2\"", "num_feature"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"3\"", "feature_names"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"99999\"", "features"},
      {"\"num_feature\":\"2\"", "\"num_feature\":2", "not a string"},
      {"5E-1", "0", "base_score"},
      {"5E-1", "1e0", "base_score"},
      {"5E-1", "", "base_score"},
      {"5E-1", "0.5x", "base_score"},
      {"\"trees\":[{", "\"trees\":[17,{", "not an object"},
      {"\"learner\":{", "\"pupil\":{", "gbtree"},
      {"\"version\"", "\"learner\":{},\"version\"", "twice"},
  };
  for (const Lie& lie : lies) {
    auto model = read_xgboost_json(json_with(lie.what, lie.instead));
    ASSERT_FALSE(model.ok()) << lie.instead;
    EXPECT_EQ(model.problem().error, Error::bad_model) << lie.instead;
    EXPECT_NE(model.problem().text().find(lie.sentence), std::string::npos)
        << lie.instead << " was refused with: " << model.problem().text();
  }
}

TEST(XGBoostJson, RefusesWhatIsNoModel) {
  for (std::string_view text :
       {"", " ", "{}", "[]", "null", "17", "\"learner\"", "{\"learner\":[]}", "{\"learner\":{}}", "{",
        "\xff\xfe", "{\"learner\":{\"gradient_booster\":{\"model\":{\"trees\":{}}}}}"})
    EXPECT_FALSE(read_xgboost_json(text).ok()) << text;
  std::string deep(100'000, '[');
  EXPECT_FALSE(read_xgboost_json(deep).ok());
  EXPECT_FALSE(read_xgboost_json(std::string(good_json.substr(0, good_json.size() - 1))).ok());
}

TEST(XGBoostJson, AcceptsWhatOtherVersionsWrite) {
  EXPECT_TRUE(
      read_xgboost_json(json_with("\"default_left\":[1,0,0]", "\"default_left\":[true,false,false]")).ok());
  EXPECT_TRUE(read_xgboost_json(json_with("\"split_type\":[0,0,0],", "")).ok());
  EXPECT_TRUE(read_xgboost_json(json_with("5E-1", "[5E-1]")).ok());
  EXPECT_TRUE(read_xgboost_json(json_with("\"feature_names\":[\"a\",\"b\"]", "\"feature_names\":[]")).ok());
}

// A chain: even nodes split, odd ones are leaves.
TEST(XGBoostJson, BoundsDepth) {
  auto chain = [](int depth) {
    std::string left, right, zero, one;
    for (int i = 0; i < depth; ++i) {
      left += std::to_string(2 * i + 1) + ",-1,", right += std::to_string(2 * i + 2) + ",-1,";
      zero += "0,0,", one += "1,1,";
    }
    std::string text = json_with("[1,-1,-1],\"right", "[" + left + "-1],\"right");
    auto put = [&](std::string_view what, const std::string& instead) {
      text.replace(text.find(what), what.size(), instead);
    };
    put("[2,-1,-1]", "[" + right + "-1]");
    put("[1,0,0],\"left", "[" + zero + "0],\"left");
    put("[0.5,-1.5,2.5]", "[" + one + "1]");
    put("[1,0,0],\"split_type", "[" + zero + "0],\"split_type");
    put("[0,0,0]", "[" + zero + "0]");
    put("[3,1,2]", "[" + one + "1]");
    return read_xgboost_json(text);
  };
  auto deepest = chain(64);
  ASSERT_TRUE(deepest.ok()) << deepest.problem().text();
  EXPECT_EQ(deepest->trees[0].depth, 64u);
  EXPECT_FALSE(chain(65).ok());
}

// Damaged copies of real models: refused, or still a model that can be used without harm.
TEST(XGBoostJson, DamagedFilesNeverCrash) {
  std::mt19937 random(11);
  Data train = random_data(200, 5, 0.1, random);
  xgb::Matrix matrix(train.values, train.rows);
  matrix.label(train.labels);
  std::string text = xgb::Booster(matrix, {{"objective", "binary:logistic"}, {"max_depth", "3"}}, 3).json();
  std::vector<float> row{1, 2, 3, 4, std::numeric_limits<float>::quiet_NaN()};
  int usable = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string damaged = text;
    for (unsigned hits = 1 + random() % 3; hits > 0; --hits) {
      constexpr std::string_view bytes = "0123456789-,[]{}\":.eE \xff";
      size_t at = random() % damaged.size();
      if (random() % 4 == 0)
        damaged.erase(at, 1 + random() % 5);
      else
        damaged[at] = bytes[random() % bytes.size()];
      if (damaged.empty()) damaged = "x";
    }
    auto model = read_xgboost_json(damaged);
    if (!model) {
      EXPECT_EQ(model.problem().error, Error::bad_model);
      continue;
    }
    ++usable;
    row.resize(model->feature_count);
    std::vector<double> reasons(row.size());
    Forest(*model).margin(row);
    TreeShap(*model).contributions(row, reasons);
  }
  EXPECT_GT(usable, 100);
}

}  // namespace
}  // namespace headrace
