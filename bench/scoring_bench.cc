// One row and a thousand rows through 100 trees of depth 6: our evaluator beside the XGBoost C API, in one
// run. Also what reasons cost. Usage: scoring_bench [seconds per line, default 1]
#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "src/base/check.h"
#include "src/scoring/predictor.h"
#include "src/scoring/tree_shap.h"
#include "src/scoring/xgboost_json.h"

namespace {

using namespace headrace;
using Time = std::chrono::steady_clock;

constexpr size_t features = 20, pool = 4096, batch = 1000;

void must(int code) {
  if (code == 0) return;
  fmt::print(stderr, "XGBoost: {}\n", XGBGetLastError());
  std::exit(1);
}

std::vector<float> random_rows(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(count * features);
  for (float& x : out) x = random() % 20 == 0 ? std::numeric_limits<float>::quiet_NaN() : normal(random);
  return out;
}

DMatrixHandle matrix_of(const std::vector<float>& rows) {
  DMatrixHandle out;
  must(XGDMatrixCreateFromMat(rows.data(), rows.size() / features, features,
                              std::numeric_limits<float>::quiet_NaN(), &out));
  return out;
}

// Noise beside the signal, so that all trees grow to their full depth.
BoosterHandle trained() {
  std::vector<float> rows = random_rows(20'000, 1), labels;
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < rows.size(); i += features) {
    float sum = normal(random);
    for (size_t f = 0; f < features; ++f)
      sum += std::isnan(rows[i + f]) ? 0 : std::sin(rows[i + f] * (f + 1));
    labels.push_back(sum > 0);
  }
  DMatrixHandle matrix = matrix_of(rows);
  must(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), labels.size()));
  BoosterHandle booster;
  must(XGBoosterCreate(&matrix, 1, &booster));
  for (auto [name, value] : {std::pair{"objective", "binary:logistic"},
                             {"max_depth", "6"},
                             {"tree_method", "hist"},
                             {"nthread", "1"},
                             {"seed", "1"},
                             {"eta", "0.1"},
                             {"min_child_weight", "0"}})
    must(XGBoosterSetParam(booster, name, value));
  for (int i = 0; i < 100; ++i) must(XGBoosterUpdateOneIter(booster, i, matrix));
  XGDMatrixFree(matrix);
  return booster;
}

Ensemble read(BoosterHandle booster) {
  bst_ulong size;
  const char* text;
  must(XGBoosterSaveModelToBuffer(booster, "{\"format\":\"json\"}", &size, &text));
  auto ensemble = read_xgboost_json({text, size});
  CHECK(ensemble.ok());
  return *ensemble;
}

// XGBoost's fastest way in for rows in memory: no DMatrix is made.
std::vector<float> xgboost_predict(BoosterHandle booster, const float* rows, size_t count,
                                   DMatrixHandle proxy) {
  std::string values =
      fmt::format("{{\"data\":[{},true],\"shape\":[{},{}],\"typestr\":\"<f4\",\"version\":3}}",
                  reinterpret_cast<uintptr_t>(rows), count, features);
  constexpr const char* config =
      "{\"type\":0,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,"
      "\"cache_id\":0}";
  const bst_ulong* shape;
  bst_ulong dimensions;
  const float* out;
  must(XGBoosterPredictFromDense(booster, values.c_str(), config, proxy, &shape, &dimensions, &out));
  return {out, out + count};
}

struct Line {
  double typical_us, best_us, p50_us, p99_us;
};

double at_share(std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// Runs of calls give the typical time, undisturbed by the clock; single calls give the percentiles.
template <class Call>
Line measure(double seconds, size_t run, Call call) {
  auto us = [](Time::duration d) { return std::chrono::duration<double, std::micro>(d).count(); };
  size_t i = 0;
  for (auto end = Time::now() + std::chrono::milliseconds(50); Time::now() < end;) call(i++);
  std::vector<double> runs, singles;
  auto end = Time::now() + std::chrono::duration<double>(seconds);
  while (Time::now() < end) {
    auto start = Time::now();
    for (size_t n = 0; n < run; ++n) call(i++);
    runs.push_back(us(Time::now() - start) / static_cast<double>(run));
    for (size_t n = 0; n < run; ++n) {
      auto before = Time::now();
      call(i++);
      singles.push_back(us(Time::now() - before));
    }
  }
  std::ranges::sort(singles);
  std::ranges::sort(runs);
  return {at_share(runs, 0.5), runs.front(), at_share(singles, 0.5), at_share(singles, 0.99)};
}

void print(const char* what, size_t rows, Line line) {
  fmt::print("{:<34} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f} {:>14.0f}\n", what, line.typical_us,
             line.best_us, line.p50_us, line.p99_us, rows / line.typical_us * 1e6);
}

}  // namespace

int main(int count, char** arguments) {
  double seconds = count > 1 ? std::atof(arguments[1]) : 1;
  BoosterHandle booster = trained();
  Ensemble ensemble = read(booster);
  Predictor predictor(ensemble);
  TreeShap shap(ensemble);
  std::vector<float> rows = random_rows(pool, 3), out(batch);
  std::vector<double> reasons(features);
  DMatrixHandle proxy;
  must(XGProxyDMatrixCreate(&proxy));
  auto row = [&](size_t i) { return std::span<const float>(rows).subspan(i % pool * features, features); };
  auto block = [&](size_t i) {
    return std::span<const float>(rows).subspan(i % 3 * batch * features, batch * features);
  };

  // The two must agree before their times mean anything.
  auto theirs = xgboost_predict(booster, rows.data(), pool, proxy);
  for (size_t i = 0; i < pool; ++i) CHECK(predictor.predict(row(i)) == theirs[i]);

  float sink = 0;
  fmt::print("100 trees of depth 6, {} features, 5 % missing; microseconds per call\n\n", features);
  fmt::print("{:<34} {:>10} {:>10} {:>10} {:>10} {:>14}\n", "", "typical", "best", "p50", "p99", "rows/s");
  print("one row", 1, measure(seconds, 256, [&](size_t i) { sink += predictor.predict(row(i)); }));
  print("one row, XGBoost C API", 1, measure(seconds, 64, [&](size_t i) {
          sink += xgboost_predict(booster, row(i).data(), 1, proxy)[0];
        }));
  print("1,000 rows", batch, measure(seconds, 4, [&](size_t i) {
          predictor.forest().margins(block(i), features, out);
          for (float& x : out) x = predictor.transform(x);
          sink += out[i % batch];
        }));
  print("1,000 rows, XGBoost C API", batch, measure(seconds, 4, [&](size_t i) {
          sink += xgboost_predict(booster, block(i).data(), batch, proxy)[i % batch];
        }));
  print("reasons of one row", 1, measure(seconds, 16, [&](size_t i) {
          shap.contributions(row(i), reasons);
          sink += static_cast<float>(reasons[0]);
        }));
  XGDMatrixFree(proxy);
  XGBoosterFree(booster);
  return std::isnan(sink) ? 1 : 0;  // keeps the sums alive
}
