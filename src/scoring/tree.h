// A tree ensemble as values: what a model file says, checked and in one order, before it is made fast.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headrace {

// Nodes stand in breadth-first order: the root first, the children of a node next to each other.
struct TreeNode {
  uint32_t left = 0;  // index of the left child, the right one follows it; 0 for a leaf
  uint32_t feature = 0;
  float value = 0;  // of a leaf: what it adds to the margin; else the threshold, `x < value` goes left
  float cover = 0;  // weight of the training rows that came here
  bool missing_left = false;

  bool leaf() const { return left == 0; }
};

struct Tree {
  std::vector<TreeNode> nodes;
  uint32_t depth = 0;  // edges from the root to the deepest leaf
};

// How a margin becomes a prediction.
enum class Objective : uint8_t { identity, logistic };

struct Ensemble {
  Objective objective = Objective::identity;
  uint32_t feature_count = 0;
  float base_margin = 0;                   // what the sum over the trees starts from
  std::vector<std::string> feature_names;  // empty, or one per feature
  std::vector<Tree> trees;
};

}  // namespace headrace
