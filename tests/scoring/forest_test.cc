// The evaluator against XGBoost: margin and prediction equal in every bit, over random models and rows.
#include "src/scoring/forest.h"

#include <gtest/gtest.h>

#include <bit>

#include "src/scoring/predictor.h"
#include "src/scoring/xgboost_json.h"
#include "tests/scoring/random_models.h"
#include "tests/scoring/xgb.h"

namespace headrace {
namespace {

void expect_same_bits(const std::vector<float>& ours, const std::vector<float>& theirs, const char* what) {
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(ours[i]), std::bit_cast<uint32_t>(theirs[i]))
        << what << " of row " << i << ": " << ours[i] << " and " << theirs[i];
}

void compare(const xgb::Booster& booster, const Data& data) {
  auto ensemble = read_xgboost_json(booster.json());
  ASSERT_TRUE(ensemble.ok()) << ensemble.problem().text();
  Predictor predictor(*ensemble);
  xgb::Matrix rows(data.values, data.rows);
  std::vector<float> batch(data.rows), single(data.rows), margin(data.rows);
  predictor.forest().margins(data.values, data.features, margin);
  for (size_t i = 0; i < data.rows; ++i) batch[i] = predictor.transform(margin[i]);
  for (size_t i = 0; i < data.rows; ++i)
    single[i] = predictor.predict({data.values.data() + i * data.features, data.features});
  expect_same_bits(margin, booster.predict(rows, xgb::Booster::margin), "margin");
  auto predictions = booster.predict(rows, xgb::Booster::probability);
  expect_same_bits(batch, predictions, "prediction in a batch");
  expect_same_bits(single, predictions, "prediction alone");
}

class RandomModels : public testing::TestWithParam<unsigned> {};

TEST_P(RandomModels, ForestHasTheBitsOfXGBoost) {
  std::mt19937 random(GetParam());
  size_t features = 1 + random() % 40;
  Data train = random_data(300 + random() % 700, features, (random() % 3) * 0.15, random);
  Training training = random_training(GetParam(), random);
  xgb::Matrix matrix(train.values, train.rows);
  matrix.label(train.labels);
  xgb::Booster booster(matrix, training.parameters, training.rounds);
  compare(booster, train);  // thresholds are values of these rows
  compare(booster, random_data(500, features, 0.3, random));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomModels, testing::Range(1u, 81u));

TEST(Forest, FarMarginsAndManyTrees) {
  std::mt19937 random(7);
  Data train = random_data(2000, 12, 0.1, random);
  xgb::Matrix matrix(train.values, train.rows);
  matrix.label(train.labels);
  xgb::Booster booster(matrix,
                       {{"objective", "binary:logistic"},
                        {"eta", "1"},
                        {"lambda", "0"},
                        {"max_depth", "10"},
                        {"min_child_weight", "0"},
                        {"tree_method", "hist"}},
                       400);
  compare(booster, train);
}

TEST(Forest, NoTreesIsTheBase) {
  Ensemble ensemble{Objective::identity, 2, 0.25f, {}, {}};
  Forest forest(ensemble);
  float row[] = {1, 2};
  EXPECT_EQ(forest.margin(row), 0.25f);
}

TEST(Forest, InfinityIsAValueAndNaNIsMissing) {
  Ensemble ensemble{Objective::identity, 1, 0, {}, {}};
  Tree tree{{{1, 0, 3.0f, 2, true}, {0, 0, 10, 1, false}, {0, 0, 20, 1, false}}, 1};
  ensemble.trees.push_back(tree);
  Forest forest(ensemble);
  float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  auto of = [&](float x) { return forest.margin(std::span(&x, 1)); };
  EXPECT_EQ(of(inf), 20);
  EXPECT_EQ(of(-inf), 10);
  EXPECT_EQ(of(nan), 10);
  EXPECT_EQ(of(-nan), 10);
  EXPECT_EQ(of(3.0f), 20);
  EXPECT_EQ(of(std::nextafter(3.0f, 0.0f)), 10);
}

TEST(Forest, ZeroOfEitherSignIsOneValue) {
  Ensemble ensemble{Objective::identity, 1, 0, {}, {}};
  for (float threshold : {0.0f, -0.0f})
    ensemble.trees.push_back({{{1, 0, threshold, 2, true}, {0, 0, 1, 1, false}, {0, 0, 2, 1, false}}, 1});
  Forest forest(ensemble);
  for (float x : {0.0f, -0.0f}) EXPECT_EQ(forest.margin(std::span(&x, 1)), 4);
}

TEST(Forest, AnyNumberOfRowsAndFeatures) {
  std::mt19937 random(3);
  for (size_t features : {1u, 3u, 700u, 4096u}) {
    Ensemble ensemble{Objective::identity, static_cast<uint32_t>(features), 0.5f, {}, {}};
    auto last = static_cast<uint32_t>(features - 1);
    for (int i = 0; i < 11; ++i)
      ensemble.trees.push_back(
          {{{1, last, 0.1f * i, 2, i % 2 == 0}, {0, 0, 0.3f, 1, false}, {0, 0, 0.7f, 1, false}}, 1});
    Forest forest(ensemble);
    for (size_t count : {0u, 1u, 2u, 37u}) {
      Data data = random_data(count, features, 0.2, random);
      std::vector<float> margins(count);
      forest.margins(data.values, features, margins);
      for (size_t i = 0; i < count; ++i)
        EXPECT_EQ(margins[i], forest.margin({data.values.data() + i * features, features}));
    }
  }
}

}  // namespace
}  // namespace headrace
