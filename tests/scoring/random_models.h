// Random data and random training parameters for comparing with XGBoost.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace headrace {

struct Data {
  size_t rows, features;
  std::vector<float> values, labels;
};

// Rows with values of very different scale, repeats, zeros of both signs and missing ones.
inline Data random_data(size_t rows, size_t features, double missing_share, std::mt19937& random) {
  Data data{rows, features, {}, {}};
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> uniform;
  for (size_t row = 0; row < rows; ++row) {
    float sum = 0;
    for (size_t feature = 0; feature < features; ++feature) {
      float value = normal(random);
      if (feature % 4 == 1) value = std::round(value * 2);
      if (feature % 4 == 2) value *= 1e6f;
      if (feature % 4 == 3) value = std::exp(value * 5);
      if (value == 0 && uniform(random) < 0.5) value = -0.0f;
      sum += feature % 3 == 0 ? normal(random) * 0.3f + std::sin(value) : 0;
      data.values.push_back(uniform(random) < missing_share ? std::numeric_limits<float>::quiet_NaN()
                                                            : value);
    }
    data.labels.push_back(sum > 0 ? 1 : 0);
  }
  return data;
}

struct Training {
  std::map<std::string, std::string> parameters;
  int rounds;
};

inline Training random_training(unsigned seed, std::mt19937& random) {
  auto one_of = [&](std::vector<std::string> choices) { return choices[random() % choices.size()]; };
  Training out;
  auto& p = out.parameters;
  p["seed"] = std::to_string(seed);
  p["objective"] =
      one_of({"binary:logistic", "binary:logistic", "reg:squarederror", "binary:logitraw", "reg:logistic"});
  p["tree_method"] = one_of({"hist", "hist", "exact", "approx"});
  p["max_depth"] = one_of({"1", "2", "3", "6", "8", "12"});
  p["eta"] = one_of({"0.05", "0.3", "1.0"});
  p["subsample"] = one_of({"0.5", "1.0"});
  p["min_child_weight"] = one_of({"0", "1", "10"});
  p["gamma"] = one_of({"0", "0", "2"});  // with exact, leaves pruned nodes in the file
  p["base_score"] = one_of({"0.5", "0.1", "0.7371"});
  p["num_parallel_tree"] = one_of({"1", "1", "3"});
  if (p["tree_method"] == "hist" && random() % 2) {
    p["grow_policy"] = "lossguide";
    p["max_leaves"] = one_of({"8", "60", "200"});
    p["max_depth"] = one_of({"0", "20"});
  }
  out.rounds = 1 + static_cast<int>(random() % 60);
  return out;
}

}  // namespace headrace
