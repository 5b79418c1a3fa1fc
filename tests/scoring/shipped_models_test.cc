// The models in the program: the same answers as Python's XGBoost, and the documented requests and answers.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "src/scoring/churn.h"
#include "src/scoring/lead.h"
#include "src/scoring/model_set.h"

namespace headrace {
namespace {

std::shared_ptr<const Model> shipped(std::string_view name) {
  static const auto set = ModelSet::embedded();
  EXPECT_TRUE(set.ok()) << set.problem().text();
  auto model = set->find(name);
  EXPECT_NE(model, nullptr) << name;
  return model;
}

// Written by tools/train: the values of a row, the margin of the trees, the probability.
std::vector<std::vector<float>> golden(const std::string& name) {
  std::ifstream in(HEADRACE_SOURCE_DIR "/tests/scoring/golden/" + name + ".csv");
  EXPECT_TRUE(in.good()) << name;
  std::vector<std::vector<float>> rows;
  for (std::string line; std::getline(in, line);) {
    std::stringstream cells(line);
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::strtof(cell.c_str(), nullptr));
  }
  return rows;
}

class ShippedModels : public testing::TestWithParam<const char*> {};

TEST_P(ShippedModels, AnswerAsPythonsXGBoost) {
  auto model = shipped(GetParam());
  auto rows = golden(GetParam());
  ASSERT_GE(rows.size(), 20u);
  bool prior = model->features().back().prior;
  for (const auto& cells : rows) {
    size_t width = model->features().size();
    ASSERT_EQ(cells.size(), width + 2);
    std::span<const float> row(cells.data(), width);
    if (prior) {
      EXPECT_NEAR(model->probability(row), cells[width + 1], 1e-6);
      continue;
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(model->margin(row)), std::bit_cast<uint32_t>(cells[width]));
    EXPECT_EQ(std::bit_cast<uint32_t>(model->probability(row)), std::bit_cast<uint32_t>(cells[width + 1]));
  }
}

TEST_P(ShippedModels, ReasonsAddUp) {
  auto model = shipped(GetParam());
  for (const auto& cells : golden(GetParam())) {
    std::span<const float> row(cells.data(), model->features().size());
    Explanation why = model->explain(row);
    double sum = why.bias;
    for (const Reason& reason : why.reasons) sum += reason.contribution;
    EXPECT_NEAR(sum, model->margin(row), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ShippedModels, testing::Values("cart_abandonment", "churn_prediction", "lead_scoring"));

ChurnInput new_customer() { return {.tenure = 1, .monthly_charges = 85, .contract_type = "Month-to-month"}; }

TEST(Churn, AnswersAsDocumented) {
  auto model = shipped("churn_prediction");
  auto answer = predict_churn(*model, new_customer());
  ASSERT_TRUE(answer.ok()) << answer.problem().text();
  EXPECT_GT(answer->churn_probability, 0.5);
  EXPECT_EQ(answer->risk_level, answer->churn_probability >= 0.6 ? "High" : "Medium");
  EXPECT_EQ(answer->prediction, 1);
  EXPECT_NEAR(answer->confidence, answer->churn_probability, 1e-12);
  EXPECT_NEAR(answer->retention_score, 100 * (1 - answer->churn_probability), 1e-9);
  ASSERT_EQ(answer->key_factors.size(), 3u);
  for (auto& name : answer->key_factors)
    EXPECT_TRUE(name == "tenure" || name == "monthly_charges" || name == "contract_type") << name;
}

TEST(Churn, LoyalCustomersStay) {
  ChurnInput loyal{.tenure = 70,
                   .monthly_charges = 25,
                   .contract_type = "two YEAR",
                   .internet_service = "no",
                   .phone_service = true};
  auto answer = predict_churn(*shipped("churn_prediction"), loyal);
  ASSERT_TRUE(answer.ok()) << answer.problem().text();
  EXPECT_LT(answer->churn_probability, 0.1);
  EXPECT_EQ(answer->risk_level, "Low");
  EXPECT_EQ(answer->prediction, 0);
  EXPECT_GT(answer->confidence, 0.9);
}

TEST(Churn, WhatIsImpliedNeedNotBeSaid) {
  auto model = shipped("churn_prediction");
  ChurnInput implied{.tenure = 1,
                     .monthly_charges = 20,
                     .contract_type = "One year",
                     .internet_service = "No",
                     .phone_service = false};
  ChurnInput said{.tenure = 1,
                  .monthly_charges = 20,
                  .contract_type = "One year",
                  .internet_service = "No",
                  .phone_service = false,
                  .multiple_lines = "No phone service",
                  .online_security = "No internet service",
                  .tech_support = "No internet service"};
  EXPECT_EQ(predict_churn(*model, said)->churn_probability,
            predict_churn(*model, implied)->churn_probability);
}

TEST(Churn, ProblemsNameFieldAndRule) {
  auto model = shipped("churn_prediction");
  auto problem_of = [&](auto change) {
    ChurnInput input = new_customer();
    change(input);
    auto answer = predict_churn(*model, input);
    EXPECT_FALSE(answer.ok());
    EXPECT_EQ(answer.problem().error, Error::invalid_input);
    return answer.problem().text();
  };
  EXPECT_EQ(problem_of([](ChurnInput& in) { in.contract_type = "Weekly"; }),
            "contract_type: must be one of Month-to-month, One year or Two year");
  EXPECT_EQ(problem_of([](ChurnInput& in) { in.tenure = -1; }), "tenure: must be at least 0");
  EXPECT_EQ(problem_of([](ChurnInput& in) { in.monthly_charges = NAN; }).rfind("monthly_charges: must be", 0),
            0u);
  EXPECT_EQ(problem_of([](ChurnInput& in) { in.total_charges = 1e300; }).rfind("total_charges: must be", 0),
            0u);
  EXPECT_EQ(problem_of([](ChurnInput& in) { in.tech_support = "maybe"; }),
            "tech_support: must be one of No internet service, No or Yes");
}

LeadInput documented_lead() { return {.company_size = "51-200", .budget = 150'000, .industry_score = 8.5}; }

TEST(Lead, AnswersAsDocumented) {
  auto answer = predict_lead(*shipped("lead_scoring"), documented_lead());
  ASSERT_TRUE(answer.ok()) << answer.problem().text();
  EXPECT_GT(answer->score, 0);
  EXPECT_LT(answer->score, 100);
  EXPECT_NEAR(answer->confidence, answer->score / 100, 1e-12);
  EXPECT_EQ(answer->model_version, "v1.0");
  EXPECT_EQ(answer->features_used, (std::vector<std::string>{"company_size", "budget", "industry_score"}));
}

TEST(Lead, NeverFallsInAScoreSizeOrBudget) {
  auto model = shipped("lead_scoring");
  auto score = [&](LeadInput lead) { return predict_lead(*model, lead)->score; };
  double before = 0;
  for (double s = 1; s <= 10; s += 0.25) {
    LeadInput lead = documented_lead();
    lead.engagement_score = lead.demographic_score = lead.behavioral_score = lead.source_score = s;
    EXPECT_GE(score(lead), before);
    before = score(lead);
  }
  EXPECT_GT(before, 75);
  before = 0;
  for (const char* size : {"1-10", "11-50", "51-200", "201-1000", "1000+"}) {
    LeadInput lead = documented_lead();
    lead.company_size = size;
    EXPECT_GT(score(lead), before);
    before = score(lead);
  }
  before = 0;
  for (double budget : {1e3, 1e4, 1e5, 1e6}) {
    LeadInput lead = documented_lead();
    lead.budget = budget;
    EXPECT_GT(score(lead), before);
    before = score(lead);
  }
}

TEST(Lead, HotAndCold) {
  auto model = shipped("lead_scoring");
  LeadInput lead = documented_lead();
  lead.engagement_score = lead.demographic_score = lead.behavioral_score = lead.source_score = 9.8;
  EXPECT_EQ(predict_lead(*model, lead)->quality, "Hot");
  EXPECT_EQ(predict_lead(*model, lead)->prediction, 1);
  lead.engagement_score = lead.demographic_score = lead.behavioral_score = lead.source_score = 1.2;
  EXPECT_EQ(predict_lead(*model, lead)->quality, "Cold");
  EXPECT_EQ(predict_lead(*model, lead)->prediction, 0);
}

TEST(Lead, ProblemsNameFieldAndRule) {
  auto model = shipped("lead_scoring");
  auto problem_of = [&](auto change) {
    LeadInput lead = documented_lead();
    change(lead);
    auto answer = predict_lead(*model, lead);
    EXPECT_FALSE(answer.ok());
    return answer.problem().text();
  };
  EXPECT_EQ(problem_of([](LeadInput& in) { in.company_size = "huge"; }),
            "company_size: must be one of 1-10, 11-50, 51-200, 201-1000 or 1000+");
  EXPECT_EQ(problem_of([](LeadInput& in) { in.industry_score = 11; }), "industry_score: must be at most 10");
  EXPECT_EQ(problem_of([](LeadInput& in) { in.source_score = 0.5; }), "source_score: must be at least 1");
  EXPECT_EQ(problem_of([](LeadInput& in) { in.budget = -1; }), "budget: must be at least 0");
}

}  // namespace
}  // namespace headrace
