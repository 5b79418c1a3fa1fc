// The container: what is read, what is refused, bands, categories, priors, calibration, reasons.
#include "src/scoring/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "src/scoring/model_set.h"

namespace headrace {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

constexpr std::string_view good =
    R"({"headrace_model":1,"name":"small","version":"v1","task":"t","summary":"s",
  "features":[
    {"name":"x","kind":"numeric","min":0,"max":10},
    {"name":"color","kind":"category","categories":[{"value":"Red"},{"value":"Blue","aliases":["azure"]}]},
    {"name":"size","kind":"numeric","scale":"log10","prior":[{"at":10,"adds":-1},{"at":1000,"adds":1}]}],
  "calibration":{"slope":2,"intercept":0.5},
  "bands":[{"name":"Low","from":0},{"name":"High","from":0.5}],
  "decision_threshold":0.4,
  "card":{"rows":3},
  "xgboost":{"learner":{"feature_names":["x","color"],"gradient_booster":{"model":{"tree_info":[0],"trees":[{
    "default_left":[1,0,0],"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[5,-1,1],
    "split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[2,1,1]}]},"name":"gbtree"},
    "learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2"},
    "objective":{"name":"binary:logistic"}}}})";

std::string with(std::string_view what, std::string_view instead) {
  std::string text(good);
  auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

std::shared_ptr<const Model> load(std::string_view json) {
  auto model = Model::load(json);
  EXPECT_TRUE(model.ok()) << model.problem().text();
  return *model;
}

TEST(Model, SaysWhatItIs) {
  auto model = load(good);
  EXPECT_EQ(model->name(), "small");
  EXPECT_EQ(model->version(), "v1");
  EXPECT_EQ(model->card_json(), "{\"rows\":3}");
  EXPECT_EQ(model->features().size(), 3u);
  EXPECT_EQ(model->index_of("size"), 2u);
  EXPECT_EQ(model->index_of("weight"), std::nullopt);
  EXPECT_TRUE(model->features()[2].prior);
  EXPECT_EQ(model->band(0.49), "Low");
  EXPECT_EQ(model->band(0.5), "High");
  EXPECT_EQ(model->decision_threshold(), 0.4);
}

TEST(Model, CategoriesByValueOrAliasInAnyCase) {
  auto model = load(good);
  const Feature& color = model->features()[1];
  EXPECT_EQ(color.code("red"), 0.0f);
  EXPECT_EQ(color.code("AZURE"), 1.0f);
  EXPECT_EQ(color.code("green"), std::nullopt);
  EXPECT_EQ(color.code(""), std::nullopt);
  EXPECT_EQ(color.choices(), "Red or Blue");
  EXPECT_EQ(color.label(1), "Blue");
  EXPECT_EQ(color.label(2), "");
  EXPECT_EQ(color.label(-1), "");
  EXPECT_EQ(color.label(nan), "");
}

TEST(Model, CalibrationAndPriorAddUp) {
  auto model = load(good);
  struct Case {
    std::vector<float> row;
    float margin;
  };
  const Case cases[] = {
      {{1, 0, nan}, -1.5f}, {{9, 0, nan}, 2.5f},        {{nan, nan, nan}, -1.5f}, {{9, 0, 10}, 1.5f},
      {{9, 0, 1}, 1.5f},    {{9, 0, -5}, 1.5f},         {{9, 0, 100}, 2.5f},      {{9, 0, 1000}, 3.5f},
      {{9, 0, 1e9f}, 3.5f}, {{5, 1, 31.622776f}, 2.0f},
  };
  std::vector<float> rows, batch(std::size(cases));
  for (const Case& c : cases) {
    EXPECT_NEAR(model->margin(c.row), c.margin, 1e-6);
    EXPECT_NEAR(model->probability(c.row), 1 / (1 + std::exp(-c.margin)), 1e-6);
    rows.insert(rows.end(), c.row.begin(), c.row.end());
  }
  model->predict_rows(rows, batch);
  for (size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(batch[i], model->probability(cases[i].row));
}

TEST(Model, ReasonsAddUpToTheMarginAndAreSorted) {
  auto model = load(good);
  std::vector<float> row{9, 1, 10};
  Explanation why = model->explain(row);
  ASSERT_EQ(why.reasons.size(), 3u);
  double sum = why.bias;
  for (const Reason& reason : why.reasons) sum += reason.contribution;
  EXPECT_NEAR(sum, model->margin(row), 1e-6);
  EXPECT_EQ(why.reasons[0].feature, "x");
  EXPECT_NEAR(why.reasons[0].contribution, 2, 1e-9);
  EXPECT_EQ(why.reasons[1].feature, "size");
  EXPECT_EQ(why.reasons[2].label, "Blue");
}

TEST(Model, RefusesWhatDoesNotFit) {
  struct Lie {
    std::string_view what, instead, sentence;
  };
  const Lie lies[] = {
      {"\"headrace_model\":1", "\"headrace_model\":2", "headrace_model"},
      {"\"headrace_model\":1,", "", "headrace_model"},
      {"\"name\":\"small\"", "\"name\":\"\"", "name"},
      {"\"name\":\"x\"", "\"name\":\"color\"", "two features"},
      {"\"name\":\"x\"", "\"name\":\"y\"", "call this feature x"},
      {",\"prior\":[{\"at\":10,\"adds\":-1},{\"at\":1000,\"adds\":1}]", "", "the trees know 2"},
      {"\"kind\":\"numeric\",\"min\"", "\"kind\":\"color\",\"min\"", "kind"},
      {"\"kind\":\"numeric\",\"min\"", "\"kind\":\"category\",\"min\"", "categories"},
      {"\"azure\"", "\"rED\"", "one name"},
      {"\"at\":1000", "\"at\":10", "ascend"},
      {"{\"at\":1000,\"adds\":1}", "{\"at\":20,\"adds\":1},{\"at\":30,\"adds\":0}", "not both"},
      {"\"adds\":1}", "\"adds\":1e30}", "adds"},
      {"\"from\":0}", "\"from\":0.1}", "start at 0"},
      {"\"from\":0.5}", "\"from\":0}", "ascend"},
      {"\"slope\":2", "\"slope\":-2", "slope"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"1\"", "feature_names"},
      {"\"split_indices\":[0", "\"split_indices\":[9", "xgboost: tree 0: a split is on a feature"},
      {"\"xgboost\":{", "\"boost\":{", "xgboost"},
      {"\"card\":{", "\"card\":{{", ""},
  };
  for (const Lie& lie : lies) {
    auto model = Model::load(with(lie.what, lie.instead));
    ASSERT_FALSE(model.ok()) << lie.instead;
    EXPECT_EQ(model.problem().error, Error::bad_model);
    EXPECT_NE(model.problem().text().find(lie.sentence), std::string::npos)
        << lie.instead << " was refused with: " << model.problem().text();
  }
}

// Damaged copies: refused, or still a model that can be used without harm.
TEST(Model, DamagedFilesNeverCrash) {
  std::mt19937 random(12);
  int usable = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged(good);
    for (unsigned hits = 1 + random() % 3; hits > 0; --hits) {
      constexpr std::string_view bytes = "0123456789-,[]{}\":.eE \xff";
      size_t at = random() % damaged.size();
      if (random() % 4 == 0)
        damaged.erase(at, 1 + random() % 5);
      else
        damaged[at] = bytes[random() % bytes.size()];
    }
    auto model = Model::load(damaged);
    if (!model) {
      EXPECT_EQ(model.problem().error, Error::bad_model);
      EXPECT_FALSE(model.problem().text().empty());
      continue;
    }
    ++usable;
    (*model)->explain((*model)->empty_row());
    (*model)->band((*model)->probability(std::vector<float>((*model)->features().size(), 3)));
  }
  EXPECT_GT(usable, 100);
}

// A directory that is gone when the test ends.
class ModelDirectory : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "modelsXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(path_ + "/" + name) << text; }

  std::string path_;
};

TEST_F(ModelDirectory, JoinsAndReplacesTheEmbedded) {
  write("a.json", good);
  write("b.json", with("\"name\":\"small\"", "\"name\":\"churn_prediction\""));
  write("notes.txt", "not a model");
  auto set = ModelSet::load(path_);
  ASSERT_TRUE(set.ok()) << set.problem().text();
  EXPECT_EQ(set->names(), (std::vector<std::string>{"cart_abandonment", "churn_prediction", "lead_scoring", "small"}));
  EXPECT_EQ(set->find("churn_prediction")->version(), "v1");
  EXPECT_EQ(set->find("lead_scoring")->version(), "v1.0");
  EXPECT_EQ(set->find("none"), nullptr);
}

TEST_F(ModelDirectory, NamesTheFileThatIsWrong) {
  write("broken.json", "{");
  auto set = ModelSet::load(path_);
  ASSERT_FALSE(set.ok());
  EXPECT_NE(set.problem().text().find("broken.json"), std::string::npos) << set.problem().text();
  write("broken.json", good);
  write("second.json", good);
  EXPECT_NE(ModelSet::load(path_).problem().text().find("another file"), std::string::npos);
  EXPECT_FALSE(ModelSet::load(path_ + "/nowhere").ok());
}

TEST(ModelSet, ASnapshotDoesNotChange) {
  auto before = ModelSet::embedded();
  ASSERT_TRUE(before.ok()) << before.problem().text();
  auto after = before->with(load(good));
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(before->find("small"), nullptr);
  EXPECT_NE(after->find("small"), nullptr);
}

}  // namespace
}  // namespace headrace
