// Reasons against XGBoost's pred_contribs, and against the definition of the Shapley value.
#include "src/scoring/tree_shap.h"

#include <gtest/gtest.h>

#include <numeric>

#include "src/scoring/forest.h"
#include "src/scoring/xgboost_json.h"
#include "tests/scoring/random_models.h"
#include "tests/scoring/xgb.h"

namespace headrace {
namespace {

void compare_reasons(const xgb::Booster& booster, const Data& data) {
  auto ensemble = read_xgboost_json(booster.json());
  ASSERT_TRUE(ensemble.ok()) << ensemble.problem().text();
  TreeShap shap(*ensemble);
  Forest forest(*ensemble);
  auto theirs = booster.predict(xgb::Matrix(data.values, data.rows), xgb::Booster::contributions);
  ASSERT_EQ(theirs.size(), data.rows * (data.features + 1));
  std::vector<double> ours(data.features);
  for (size_t i = 0; i < data.rows; ++i) {
    std::span<const float> row{data.values.data() + i * data.features, data.features};
    shap.contributions(row, ours);
    const float* expected = theirs.data() + i * (data.features + 1);
    double scale = 1;
    for (size_t f = 0; f <= data.features; ++f) scale = std::max<double>(scale, std::abs(expected[f]));
    for (size_t f = 0; f < data.features; ++f)
      ASSERT_NEAR(ours[f], expected[f], 1e-4 * scale) << "row " << i << ", feature " << f;
    ASSERT_NEAR(shap.bias(), expected[data.features], 1e-4 * scale);
    double sum = std::accumulate(ours.begin(), ours.end(), shap.bias());
    ASSERT_NEAR(sum, forest.margin(row), 1e-4 * scale) << "contributions and bias add up to the margin";
  }
}

class RandomReasons : public testing::TestWithParam<unsigned> {};

TEST_P(RandomReasons, EqualPredContribs) {
  std::mt19937 random(1000 + GetParam());
  size_t features = 1 + random() % 25;
  Data train = random_data(400, features, (random() % 3) * 0.15, random);
  Training training = random_training(GetParam(), random);
  xgb::Matrix matrix(train.values, train.rows);
  matrix.label(train.labels);
  xgb::Booster booster(matrix, training.parameters, training.rounds);
  compare_reasons(booster, random_data(20, features, 0.3, random));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomReasons, testing::Range(1u, 41u));

// The conditional expectation that path-dependent TreeSHAP is defined on: features outside `known` are
// averaged over by cover.
double expectation(const Tree& tree, size_t at, const std::vector<float>& row, unsigned known) {
  const TreeNode& node = tree.nodes[at];
  if (node.leaf()) return node.value;
  auto below = [&](size_t child) { return expectation(tree, child, row, known); };
  if (known >> node.feature & 1) return below(row[node.feature] < node.value ? node.left : node.left + 1);
  double left = tree.nodes[node.left].cover, right = tree.nodes[node.left + 1].cover;
  return (left * below(node.left) + right * below(node.left + 1)) / (left + right);
}

std::vector<double> shapley_by_definition(const Tree& tree, const std::vector<float>& row) {
  auto n = static_cast<unsigned>(row.size());
  std::vector<double> out(n);
  for (unsigned feature = 0; feature < n; ++feature)
    for (unsigned set = 0; set < 1u << n; ++set) {
      if (set >> feature & 1) continue;
      int size = __builtin_popcount(set);
      double weight = std::tgamma(size + 1) * std::tgamma(n - size) / std::tgamma(n + 1);
      out[feature] +=
          weight * (expectation(tree, 0, row, set | 1u << feature) - expectation(tree, 0, row, set));
    }
  return out;
}

Tree random_tree(unsigned depth, unsigned features, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  Tree tree{{}, depth};
  for (unsigned level = 0; level <= depth; ++level)
    for (unsigned i = 0; i < 1u << level; ++i) {
      auto index = static_cast<uint32_t>(tree.nodes.size());
      tree.nodes.push_back({level == depth ? 0 : 2 * index + 1, static_cast<uint32_t>(random() % features),
                            uniform(random), 0, false});
    }
  for (size_t i = tree.nodes.size(); i-- > 0;) {
    TreeNode& node = tree.nodes[i];
    node.cover = node.leaf() ? 1.0f + static_cast<float>(random() % 50)
                             : tree.nodes[node.left].cover + tree.nodes[node.left + 1].cover;
  }
  return tree;
}

TEST(TreeShap, EqualsTheDefinition) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (unsigned depth : {1u, 3u, 6u, 9u}) {
    for (unsigned features : {1u, 2u, 5u, 9u}) {
      Ensemble ensemble{Objective::identity, features, 0, {}, {random_tree(depth, features, random)}};
      TreeShap shap(ensemble);
      for (int i = 0; i < 5; ++i) {
        std::vector<float> row(features);
        for (float& x : row) x = uniform(random);
        std::vector<double> ours(features), expected = shapley_by_definition(ensemble.trees[0], row);
        shap.contributions(row, ours);
        for (unsigned f = 0; f < features; ++f) EXPECT_NEAR(ours[f], expected[f], 1e-9);
      }
    }
  }
}

// A chain of 40 different features: more points than two registers hold.
TEST(TreeShap, LongPathsAddUp) {
  Tree tree{{{1, 0, 0.5f, 100, false}}, 40};
  for (uint32_t i = 0; i < 40; ++i) {
    tree.nodes.push_back({0, 0, static_cast<float>(i), 1, false});
    tree.nodes.push_back({2 * i + 3, i + 1, 0.5f, static_cast<float>(99 - i), false});
  }
  tree.nodes.back() = {0, 0, 77, 60, false};
  Ensemble ensemble{Objective::identity, 40, 0, {}, {tree}};
  TreeShap shap(ensemble);
  Forest forest(ensemble);
  for (int kind = 0; kind < 3; ++kind) {
    std::vector<float> row(40, kind == 0 ? 1.0f : 0.0f);
    if (kind == 2) std::fill(row.begin(), row.begin() + 20, 1.0f);
    std::vector<double> ours(40);
    shap.contributions(row, ours);
    EXPECT_NEAR(std::accumulate(ours.begin(), ours.end(), shap.bias()), forest.margin(row), 1e-9);
  }
}

TEST(TreeShap, NodesWithoutWeightGiveFiniteNumbers) {
  Tree tree{{{1, 0, 0, 0, false},
             {0, 0, 1, 0, false},
             {3, 1, 0, 0, false},
             {0, 0, 2, 0, false},
             {0, 0, 3, 0, false}},
            2};
  Ensemble ensemble{Objective::identity, 2, 0, {}, {tree}};
  TreeShap shap(ensemble);
  std::vector<double> out(2);
  shap.contributions(std::vector<float>{1, 1}, out);
  EXPECT_NEAR(shap.bias() + out[0] + out[1], 3, 1e-12);
}

}  // namespace
}  // namespace headrace
