// Reader of the JSON that XGBoost saves (1.0 to 3.x, booster gbtree): format at
// https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
//
// Known: binary:logistic, reg:logistic, binary:logitraw, reg:squarederror; numeric splits, missing values.
// Refused with a sentence: other objectives and boosters, categorical splits, several outputs, anything out
// of the limits. Numbers are read as floats directly, so that thresholds are XGBoost's own to the last bit.
#pragma once

#include <string_view>

#include "src/base/result.h"
#include "src/scoring/tree.h"

namespace headrace {

// Error::bad_model with the reason for everything that is no such file.
Result<Ensemble> read_xgboost_json(std::string_view json);

}  // namespace headrace
