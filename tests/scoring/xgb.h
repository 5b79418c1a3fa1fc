// A small RAII face of the XGBoost C API: the reference that the evaluator is compared with.
#pragma once

#include <gtest/gtest.h>
#include <xgboost/c_api.h>

#include <map>
#include <string>
#include <vector>

namespace headrace::xgb {

inline void must(int code) { ASSERT_EQ(code, 0) << XGBGetLastError(); }

class Matrix {
 public:
  Matrix(const std::vector<float>& rows, size_t row_count) {
    must(XGDMatrixCreateFromMat(rows.data(), row_count, rows.size() / row_count,
                                std::numeric_limits<float>::quiet_NaN(), &handle_));
  }
  ~Matrix() { XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  void label(const std::vector<float>& labels) {
    must(XGDMatrixSetFloatInfo(handle_, "label", labels.data(), labels.size()));
  }
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

class Booster {
 public:
  Booster(const Matrix& matrix, const std::map<std::string, std::string>& parameters, int rounds) {
    DMatrixHandle data = matrix.handle();
    must(XGBoosterCreate(&data, 1, &handle_));
    must(XGBoosterSetParam(handle_, "nthread", "1"));
    for (auto& [name, value] : parameters) must(XGBoosterSetParam(handle_, name.c_str(), value.c_str()));
    for (int i = 0; i < rounds; ++i) must(XGBoosterUpdateOneIter(handle_, i, data));
  }
  ~Booster() { XGBoosterFree(handle_); }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  enum Kind { probability = 0, margin = 1, contributions = 2 };

  std::vector<float> predict(const Matrix& rows, Kind kind) const {
    std::string config =
        "{\"type\":" + std::to_string(static_cast<int>(kind)) +
        ",\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":true}";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    must(XGBoosterPredictFromDMatrix(handle_, rows.handle(), config.c_str(), &shape, &dimensions, &out));
    size_t count = 1;
    for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
    return {out, out + count};
  }

  std::string json() const {
    bst_ulong size = 0;
    const char* text = nullptr;
    must(XGBoosterSaveModelToBuffer(handle_, "{\"format\":\"json\"}", &size, &text));
    return {text, size};
  }

 private:
  BoosterHandle handle_ = nullptr;
};

}  // namespace headrace::xgb
