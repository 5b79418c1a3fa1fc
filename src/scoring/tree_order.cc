// Breadth-first walk over the arrays of a tree, checking every index before it is used.
#include "src/scoring/tree_order.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "src/base/limits.h"

namespace headrace {
namespace {

Problem bad(std::string sentence) { return {Error::bad_model, std::move(sentence)}; }

class TreeOrder {
 public:
  TreeOrder(const TreeArrays& arrays, uint32_t feature_count)
      : arrays_(arrays), feature_count_(feature_count), seen_(arrays.left.size()) {}

  Result<Tree> run() {
    TRY_DONE(check_lengths());
    TRY_DONE(reach(0, 0));
    for (size_t i = 0; i < found_.size(); ++i) TRY_DONE(place(found_[i]));
    return std::move(tree_);
  }

 private:
  struct Found {
    size_t index;
    uint32_t depth;
  };

  Result<> check_lengths() const {
    size_t count = arrays_.left.size();
    if (count == 0 || count > limits::tree_nodes_max)
      return bad("has no nodes or more than " + std::to_string(limits::tree_nodes_max));
    bool equal = arrays_.right.size() == count && arrays_.feature.size() == count &&
                 arrays_.missing_left.size() == count && arrays_.value.size() == count &&
                 arrays_.cover.size() == count &&
                 (arrays_.split_type.empty() || arrays_.split_type.size() == count);
    if (!equal) return bad("its arrays are missing or differ in length");
    return Done{};
  }

  Result<> reach(int64_t index, uint32_t depth) {
    if (index < 0 || static_cast<size_t>(index) >= seen_.size()) return bad("a child is out of range");
    if (depth > limits::tree_depth_max)
      return bad("is deeper than " + std::to_string(limits::tree_depth_max));
    if (std::exchange(seen_[index], 1)) return bad("a node is reached twice");
    found_.push_back({static_cast<size_t>(index), depth});
    tree_.depth = std::max(tree_.depth, depth);
    return Done{};
  }

  Result<> place(Found at) {
    TreeNode node{.value = arrays_.value[at.index], .cover = arrays_.cover[at.index]};
    if (!(node.cover >= 0) || !std::isfinite(node.value))
      return bad("a weight or value is not a number it may be");
    int64_t left = arrays_.left[at.index], right = arrays_.right[at.index];
    if (left != -1 || right != -1) TRY_DONE(split(at.index, node));
    tree_.nodes.push_back(node);
    if (node.leaf()) return Done{};
    TRY_DONE(reach(left, at.depth + 1));
    return reach(right, at.depth + 1);
  }

  Result<> split(size_t index, TreeNode& node) const {
    int64_t feature = arrays_.feature[index], missing_left = arrays_.missing_left[index];
    if (feature < 0 || feature >= feature_count_) return bad("a split is on a feature that does not exist");
    if (!arrays_.split_type.empty() && arrays_.split_type[index] != 0)
      return bad("categorical splits are not supported; encode categories as numbers");
    if (missing_left != 0 && missing_left != 1) return bad("default_left is neither 0 nor 1");
    node.feature = static_cast<uint32_t>(feature);
    node.missing_left = missing_left == 1;
    node.left = static_cast<uint32_t>(found_.size());  // where reach() puts the children next
    return Done{};
  }

  const TreeArrays& arrays_;
  uint32_t feature_count_;
  std::vector<uint8_t> seen_;
  std::vector<Found> found_;
  Tree tree_;
};

}  // namespace

Result<Tree> order_tree(const TreeArrays& arrays, uint32_t feature_count) {
  return TreeOrder(arrays, feature_count).run();
}

}  // namespace headrace
