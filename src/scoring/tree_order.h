// From a tree as arrays in a file, which may say anything, to a Tree that later code can trust.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/tree.h"

namespace headrace {

struct TreeArrays {
  std::vector<int64_t> left, right, feature, missing_left, split_type;  // split_type may be empty
  std::vector<float> value, cover;
};

// Error::bad_model unless the arrays have one length, children are in range and reached once, features are
// below `feature_count`, splits are numeric and the depth is within the limit. Nodes that cannot be reached
// (XGBoost leaves pruned ones behind) are dropped.
Result<Tree> order_tree(const TreeArrays& arrays, uint32_t feature_count);

}  // namespace headrace
