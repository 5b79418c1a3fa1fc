// Reasons: exact path-dependent TreeSHAP (Lundberg et al., "From local explanations to global understanding
// with explainable AI for trees", 2020), the same values as XGBoost's pred_contribs.
//
// A feature i on the path to a leaf has a zero fraction z (share of the training weight that would have gone
// along anyway) and a one fraction o (1 if the row goes along, else 0). Its Shapley value at that leaf is
//     leaf * (o_i - z_i) * integral over t in 0..1 of prod over j != i of (o_j t + z_j (1 - t)),
// because the Shapley weights are integrals of t^s (1-t)^(n-1-s). The integrand is a polynomial of degree
// below the number n of features on the path, so Gauss-Legendre with n/2 points is exact. That turns the
// recursion of the paper into two passes over a tree, down and up, with a few points side by side in one
// register (the summary vectors are those of Yu et al., "Linear TreeShap", 2022, at other points).
//
// Lives on: any thread; immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/scoring/tree.h"

namespace headrace {

class TreeShap {
 public:
  explicit TreeShap(const Ensemble& ensemble);

  // The margin of an average training row.
  double bias() const { return bias_; }

  // Writes what each feature adds to the margin of `row` over bias(); NaN is missing.
  void contributions(std::span<const float> row, std::span<double> out) const;

 private:
  // A node and the edge that leads to it from its parent; the root's edge always goes along.
  struct Edge {
    uint16_t parent = 0;
    uint16_t previous = 0;  // the nearest edge above that splits the same feature, the root's if none does
    uint16_t feature = 0;   // that the parent splits
    uint16_t split = 0;     // feature that this node splits
    float threshold = 0;    // as in TreeNode
    bool missing_left = false;  // as in TreeNode
    double leaf = 0;            // value of a leaf
    double zero_fraction = 1;   // of this edge and its previous ones together
  };

  struct Range {
    uint32_t first, count;
  };

  void append(const Tree& tree);
  template <size_t registers>
  class Walk;

  size_t feature_count_;
  size_t path_features_max_ = 1;
  double bias_;
  std::vector<Edge> edges_;  // all trees, breadth first: parents before children
  std::vector<Range> trees_;
};

}  // namespace headrace
