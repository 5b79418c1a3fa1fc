// The flat evaluator: all trees of an ensemble in one array of 8-byte nodes, walked without branches, eight
// trees at a time so that their cache misses and compares overlap.
//
// A float becomes a 32-bit key that orders as the float does (-0 equals 0), so a step is an integer compare and
// the borrow it leaves: six instructions.
// A row has two keys per feature: the first is below every threshold if the value is missing, the second
// above. A node asks the one that sends a missing value where training sent it. A leaf leads to itself, so
// all eight trees take as many steps as the deepest of them.
//
// Leaf values are added in the order of the trees, in float, as XGBoost does: the margin has the same bits.
// Lives on: any thread; immutable once built. Limits: limits::model_features_max and tree_nodes_max.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "src/scoring/tree.h"

namespace headrace {

class Forest {
 public:
  explicit Forest(const Ensemble& ensemble);

  size_t feature_count() const { return feature_count_; }

  // `row` has feature_count() values; NaN is missing.
  float margin(std::span<const float> row) const;

  // `rows` are margins.size() rows of `width` values, of which the first feature_count() are read.
  void margins(std::span<const float> rows, size_t width, std::span<float> margins) const;

 private:
  static constexpr size_t lanes = 8;

  struct Node {
    uint32_t threshold;  // key; a leaf has one that nothing reaches
    uint16_t slot;       // which key of the row
    uint16_t right;      // distance to the right child, behind the left one; 1 for a leaf
  };

  struct Group {
    std::array<size_t, lanes> roots;
    uint32_t depth;
    uint32_t count;  // trees in it; the rest of `roots` repeats the first
  };

  void append(const Tree& tree);
  float add(const Group& group, const uint32_t* keys, float sum) const;
  void block(const float* rows, size_t width, std::span<float> margins) const;

  size_t feature_count_;
  float base_margin_;
  std::vector<Node> nodes_;
  std::vector<float> values_;  // of nodes_, for leaves
  std::vector<Group> groups_;
};

}  // namespace headrace
