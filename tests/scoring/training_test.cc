// Quality on the data sets, where HEADRACE_DATASETS names them: of new models on rows they were not trained
// on (tools/train --check, by cross-validation), and of the shipped churn model through the documented
// request.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "src/scoring/churn.h"
#include "src/scoring/model_set.h"

namespace headrace {
namespace {

std::string root() { return HEADRACE_SOURCE_DIR; }

using Rows = std::vector<std::vector<std::string>>;

// For sets without quoted cells; the first row is the header.
Rows read_csv(const std::string& path) {
  Rows rows;
  FILE* in = popen(("zcat '" + path + "'").c_str(), "r");
  EXPECT_NE(in, nullptr);
  char line[4096];
  while (in && std::fgets(line, sizeof line, in)) {
    std::string text = line;
    text.erase(text.find_last_not_of("\r\n") + 1);
    std::stringstream cells(text);
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
  }
  if (in) pclose(in);
  return rows;
}

double auc(std::vector<std::pair<double, bool>> scored) {
  std::ranges::sort(scored);
  double rank_sum = 0, yes = 0;
  for (size_t i = 0; i < scored.size();) {
    size_t end = i;
    while (end < scored.size() && scored[end].first == scored[i].first) ++end;
    for (size_t j = i; j < end; ++j)
      if (scored[j].second) rank_sum += (static_cast<double>(i + end) + 1) / 2, ++yes;
    i = end;
  }
  return (rank_sum - yes * (yes + 1) / 2) / (yes * (static_cast<double>(scored.size()) - yes));
}

void train_and_check(const std::string& arguments) {
  if (!std::getenv("HEADRACE_DATASETS"))
    GTEST_SKIP() << "HEADRACE_DATASETS is not set: models were not trained";
  if (std::system("/usr/bin/python3 -c 'import xgboost, sklearn, pandas'") != 0)
    GTEST_SKIP() << "python3-xgboost, -sklearn or -pandas is not installed: models were not trained";
  EXPECT_EQ(std::system(("'" + root() + "/tools/train' --check " + arguments).c_str()), 0);
}

TEST(Training, ChurnIsDeterministicAndGoodOnUnseenRows) { train_and_check("churn --repeats 3"); }

TEST(Training, OthersAreDeterministicAndGoodOnUnseenRows) { train_and_check("cart lead --repeats 1"); }

// The rows were trained on, so this says nothing of quality on new ones: it would fail if a field of the
// request were encoded in another way than in training.
TEST(Training, ChurnRequestsMeanWhatTheTrainingRowsMeant) {
  const char* folder = std::getenv("HEADRACE_DATASETS");
  if (!folder) GTEST_SKIP() << "HEADRACE_DATASETS is not set: no customers to score";
  auto set = ModelSet::embedded();
  ASSERT_TRUE(set.ok());
  Rows rows = read_csv(std::string(folder) + "/telco_churn.csv.gz");
  ASSERT_GT(rows.size(), 1000u);
  auto column = [&](const char* name) { return std::ranges::find(rows[0], name) - rows[0].begin(); };
  std::vector<std::pair<double, bool>> scored;
  double sum = 0, left = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    auto cell = [&](const char* name) { return rows[i].at(column(name)); };
    ChurnInput in{.tenure = std::stod(cell("tenure")),
                  .monthly_charges = std::stod(cell("MonthlyCharges")),
                  .contract_type = cell("Contract"),
                  .payment_method = cell("PaymentMethod"),
                  .internet_service = cell("InternetService"),
                  .phone_service = cell("PhoneService") == "Yes",
                  .multiple_lines = cell("MultipleLines"),
                  .online_security = cell("OnlineSecurity"),
                  .tech_support = cell("TechSupport")};
    std::string total = cell("TotalCharges");
    if (total.find_first_not_of(' ') != std::string::npos) in.total_charges = std::stod(total);
    auto row = churn_row(*set->find("churn_prediction"), in);
    ASSERT_TRUE(row.ok()) << row.problem().text();
    double p = set->find("churn_prediction")->probability(*row);
    scored.emplace_back(p, cell("Churn") == "Yes");
    sum += p, left += cell("Churn") == "Yes";
  }
  EXPECT_GE(auc(scored), 0.85);
  EXPECT_NEAR(sum / scored.size(), left / scored.size(), 0.01);
}

}  // namespace
}  // namespace headrace
