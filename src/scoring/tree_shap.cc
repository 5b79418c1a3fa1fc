// The two passes over each tree; tree_shap.h says why they are right.
#include "src/scoring/tree_shap.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "src/scoring/gauss_legendre.h"

namespace headrace {
namespace {

constexpr size_t lanes = 4;
using Register = double __attribute__((vector_size(lanes * sizeof(double))));

// One number per quadrature point.
template <size_t registers>
struct Points {
  std::array<Register, registers> r;

  template <class Combine>
  static Points make(Combine combine) {
    Points out;
    for (size_t i = 0; i < registers; ++i) out.r[i] = combine(i);
    return out;
  }
};

template <size_t registers>
struct Rule {
  Points<registers> at, rest, weight, off_weight;  // t, 1 - t, w, -w / (1 - t)

  Rule() {
    auto rule = gauss_legendre<registers * lanes>();
    for (size_t i = 0; i < registers * lanes; ++i) {
      at.r[i / lanes][i % lanes] = rule.at[i];
      weight.r[i / lanes][i % lanes] = rule.weight[i];
      rest.r[i / lanes][i % lanes] = 1 - rule.at[i];
      off_weight.r[i / lanes][i % lanes] = -rule.weight[i] / (1 - rule.at[i]);
    }
  }
};

double total(const Register& r) { return (r[0] + r[1]) + (r[2] + r[3]); }

double share_of(const Tree& tree, size_t parent, size_t child) {
  float whole = tree.nodes[parent].cover;
  return whole > 0 ? static_cast<double>(tree.nodes[child].cover) / whole : 0.5;
}

}  // namespace

TreeShap::TreeShap(const Ensemble& ensemble)
    : feature_count_(ensemble.feature_count), bias_(ensemble.base_margin) {
  for (const Tree& tree : ensemble.trees) append(tree);
  CHECK(path_features_max_ <= limits::tree_depth_max);
}

void TreeShap::append(const Tree& tree) {
  auto first = static_cast<uint32_t>(edges_.size());
  trees_.push_back({first, static_cast<uint32_t>(tree.nodes.size())});
  std::vector<double> reach(tree.nodes.size(), 1);  // share of the training rows that came to a node
  std::vector<size_t> path_features(tree.nodes.size(), 0);
  for (const TreeNode& node : tree.nodes)
    edges_.push_back({0, 0, 0, node.left, node.feature, node.value, node.missing_left, 1, 1});
  Edge* edges = edges_.data() + first;
  for (uint32_t parent = 0; parent < tree.nodes.size(); ++parent) {
    const TreeNode& node = tree.nodes[parent];
    if (node.leaf()) bias_ += reach[parent] * node.value;
    uint32_t above = parent;  // looks upwards for an edge that splits the same feature
    while (above != 0 && edges[above].feature != node.feature) above = edges[above].parent;
    for (uint32_t child = node.left; !node.leaf() && child <= node.left + 1; ++child) {
      Edge& edge = edges[child];
      edge.parent = parent, edge.previous = above, edge.feature = node.feature;
      edge.share = share_of(tree, parent, child);
      edge.zero_fraction = edge.share * (above ? edges[above].zero_fraction : 1);
      reach[child] = reach[parent] * edge.share;
      path_features[child] = path_features[parent] + (above == 0);
      path_features_max_ = std::max(path_features_max_, path_features[child]);
    }
  }
}

template <size_t registers>
void TreeShap::run(std::span<const float> row, std::span<double> out) const {
  using P = Points<registers>;
  static const Rule<registers> rule;
  auto factor = [](bool on, double zero) {
    return P::make([&](size_t i) { return zero * rule.rest.r[i] + (on ? rule.at.r[i] : Register{}); });
  };
  auto off_or_on = [&](bool on, double zero) {
    if (!on) return rule.off_weight;
    P below = factor(true, zero);
    return P::make([&](size_t i) { return (1 - zero) * rule.weight.r[i] / below.r[i]; });
  };
  size_t most = 0;
  for (Range tree : trees_) most = std::max<size_t>(most, tree.count);
  std::vector<P> product(most), sum(most), total_of(feature_count_, P{});
  std::vector<uint8_t> on(most), goes_left(most);

  for (Range tree : trees_) {
    const Edge* edges = edges_.data() + tree.first;
    product[0] = P::make([](size_t) { return Register{} + 1.0; });
    for (uint32_t node = 0; node < tree.count; ++node) {
      const Edge& edge = edges[node];
      float x = row[edge.split];
      goes_left[node] = std::isnan(x) ? edge.missing_left : x < edge.value;
      if (node == 0) continue;
      bool taken = (goes_left[edge.parent] != 0) == (node == edges[edge.parent].left);
      bool was_on = edge.previous == 0 || on[edge.previous];
      on[node] = taken && was_on;
      const P& above = product[edge.parent];
      if (!was_on) {
        product[node] = P::make([&](size_t i) { return above.r[i] * edge.share; });
        continue;
      }
      P now = factor(on[node], edge.zero_fraction);
      if (edge.previous != 0) {
        P before = factor(true, edges[edge.previous].zero_fraction);
        now = P::make([&](size_t i) { return now.r[i] / before.r[i]; });
      }
      product[node] = P::make([&](size_t i) { return above.r[i] * now.r[i]; });
    }
    std::fill_n(sum.begin(), tree.count, P{});
    for (uint32_t node = tree.count - 1; node > 0; --node) {
      const Edge& edge = edges[node];
      if (edge.left == 0) sum[node] = P::make([&](size_t i) { return edge.value * product[node].r[i]; });
      P gain = off_or_on(on[node], edge.zero_fraction);
      if (edge.previous != 0) {
        // What the leaves below would add to the edge above, whose factor this one replaces.
        P taken_back = off_or_on(on[edge.previous], edges[edge.previous].zero_fraction);
        gain = P::make([&](size_t i) { return gain.r[i] - taken_back.r[i]; });
      }
      for (size_t i = 0; i < registers; ++i) {
        sum[edge.parent].r[i] += sum[node].r[i];
        total_of[edge.feature].r[i] += gain.r[i] * sum[node].r[i];
      }
    }
  }
  for (size_t feature = 0; feature < feature_count_; ++feature) {
    out[feature] = 0;
    for (const Register& r : total_of[feature].r) out[feature] += total(r);
  }
}

void TreeShap::contributions(std::span<const float> row, std::span<double> out) const {
  CHECK(row.size() == feature_count_ && out.size() == feature_count_);
  // Exact while the number of points is at least half the number of features on a path.
  if (path_features_max_ <= 8) return run<1>(row, out);
  if (path_features_max_ <= 16) return run<2>(row, out);
  if (path_features_max_ <= 32) return run<4>(row, out);
  return run<8>(row, out);
}

}  // namespace headrace
