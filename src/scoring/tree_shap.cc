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
  Points<registers> at, rest, weight;  // t, 1 - t, w

  Rule() {
    auto rule = gauss_legendre<registers * lanes>();
    for (size_t i = 0; i < registers * lanes; ++i) {
      at.r[i / lanes][i % lanes] = rule.at[i];
      rest.r[i / lanes][i % lanes] = 1 - rule.at[i];
      weight.r[i / lanes][i % lanes] = rule.weight[i];
    }
  }
};

double total(const Register& r) { return (r[0] + r[1]) + (r[2] + r[3]); }

// Never 0, so that factors can be divided out again; what is lost is far below the precision of a double.
constexpr double zero_fraction_min = 1e-100;

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
  size_t first = edges_.size(), count = tree.nodes.size();
  CHECK(count <= limits::tree_nodes_max);
  trees_.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(count)});
  edges_.resize(first + count);
  Edge* edges = edges_.data() + first;
  std::vector<double> reach(count, 1);  // share of the training rows that came to a node
  std::vector<size_t> path_features(count, 0);
  for (uint32_t parent = 0; parent < count; ++parent) {
    const TreeNode& node = tree.nodes[parent];
    if (node.leaf()) {
      edges[parent].leaf = node.value;
      bias_ += reach[parent] * node.value;
      continue;
    }
    edges[parent].split = static_cast<uint16_t>(node.feature);
    edges[parent].threshold = node.value;
    edges[parent].missing_left = node.missing_left;
    uint16_t above = static_cast<uint16_t>(parent);
    while (above != 0 && edges[above].feature != node.feature) above = edges[above].parent;
    for (uint32_t child : {node.left, node.left + 1}) {
      Edge& edge = edges[child];
      double share = share_of(tree, parent, child);
      edge.parent = static_cast<uint16_t>(parent);
      edge.previous = above;
      edge.feature = static_cast<uint16_t>(node.feature);
      edge.zero_fraction = std::max(share * edges[above].zero_fraction, zero_fraction_min);
      reach[child] = reach[parent] * share;
      path_features[child] = path_features[parent] + (above == 0);
      path_features_max_ = std::max(path_features_max_, path_features[child]);
    }
  }
}

// One row through the trees. Everything is arithmetic, no branch depends on the row: half of the edges are
// taken, and a mispredicted branch costs more than the few operations it would save.
template <size_t registers>
class TreeShap::Walk {
 public:
  Walk(const TreeShap& shap, std::span<const float> row) : row_(row), total_(shap.feature_count_, P{}) {
    size_t most = 1;
    for (Range tree : shap.trees_) most = std::max<size_t>(most, tree.count);
    nodes_.resize(most);
    for (Range tree : shap.trees_) {
      const Edge* edges = shap.edges_.data() + tree.first;
      down(edges, tree.count);
      up(edges, tree.count);
    }
  }

  void write(std::span<double> out) const {
    for (size_t feature = 0; feature < out.size(); ++feature) {
      out[feature] = 0;
      for (const Register& r : total_[feature].r) out[feature] += total(r);
    }
  }

 private:
  using P = Points<registers>;

  struct Node {
    P product;  // of the factors on the path, each feature once
    P inverse;  // of the edge's own factor
    P gain;     // weight * (o - z) / factor
    P sum;      // of product * value over the leaves below
    double on;  // o
    uint32_t goes_left;
  };

  void decide(const Edge& edge, Node& node) const {
    float x = row_[edge.split];
    node.goes_left = std::isnan(x) ? edge.missing_left : x < edge.threshold;
  }

  void down(const Edge* edges, uint32_t count) {
    Node& root = nodes_[0];
    root.product = root.inverse = P::make([](size_t) { return Register{} + 1.0; });
    root.gain = root.sum = P{};
    root.on = 1;
    decide(edges[0], root);
    for (uint32_t index = 1; index < count; ++index) {
      const Edge& edge = edges[index];
      Node& node = nodes_[index];
      const Node &parent = nodes_[edge.parent], &previous = nodes_[edge.previous];
      decide(edge, node);
      bool left = index % 2 == 1;  // breadth first: pairs behind the root
      node.on = parent.goes_left == left ? previous.on : 0;
      for (size_t i = 0; i < registers; ++i) {
        Register factor = edge.zero_fraction * rule_.rest.r[i] + node.on * rule_.at.r[i];
        node.inverse.r[i] = 1 / factor;
        node.gain.r[i] = (node.on - edge.zero_fraction) * rule_.weight.r[i] * node.inverse.r[i];
        node.product.r[i] = parent.product.r[i] * factor * previous.inverse.r[i];
        node.sum.r[i] = edge.leaf * node.product.r[i];
      }
    }
  }

  void up(const Edge* edges, uint32_t count) {
    for (uint32_t index = count - 1; index > 0; --index) {
      const Edge& edge = edges[index];
      const Node& node = nodes_[index];
      for (size_t i = 0; i < registers; ++i) {
        nodes_[edge.parent].sum.r[i] += node.sum.r[i];
        // These leaves belong to this edge, not to the previous one, whose factor it replaced.
        total_[edge.feature].r[i] += (node.gain.r[i] - nodes_[edge.previous].gain.r[i]) * node.sum.r[i];
      }
    }
  }

  static const Rule<registers>& quadrature() {
    static const Rule<registers> rule;
    return rule;
  }

  const Rule<registers>& rule_ = quadrature();
  std::span<const float> row_;
  std::vector<Node> nodes_;
  std::vector<P> total_;
};

void TreeShap::contributions(std::span<const float> row, std::span<double> out) const {
  CHECK(row.size() == feature_count_ && out.size() == feature_count_);
  // Exact while the number of points is at least half the number of features on a path.
  if (path_features_max_ <= 8) return Walk<1>(*this, row).write(out);
  if (path_features_max_ <= 16) return Walk<2>(*this, row).write(out);
  if (path_features_max_ <= 32) return Walk<4>(*this, row).write(out);
  return Walk<8>(*this, row).write(out);
}

}  // namespace headrace
