// Building the flat arrays, and the walk.
#include "src/scoring/forest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

static_assert(2 * limits::model_features_max <= 65'536, "a slot has 16 bits");
static_assert(limits::tree_nodes_max <= 65'535, "a distance between nodes, and one more, has 16 bits");

constexpr size_t block_keys = 16 * 1024;  // of the rows walked through one group of trees: 64 KiB

uint32_t key_of(float number) {
  auto bits = std::bit_cast<int32_t>(number + 0.0f);  // -0 + 0 is 0
  return static_cast<uint32_t>(bits ^ ((bits >> 31) & 0x7fffffff)) ^ 0x80000000u;
}

constexpr uint32_t never = std::numeric_limits<uint32_t>::max();

void write_keys(const float* row, size_t count, uint32_t* keys) {
  const uint32_t lowest = key_of(-std::numeric_limits<float>::infinity());
  const uint32_t highest = key_of(std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < count; ++i) {
    uint32_t key = key_of(row[i]);
    bool missing = std::isnan(row[i]);
    keys[2 * i] = missing ? lowest : key;
    keys[2 * i + 1] = missing ? highest : key;
  }
}

}  // namespace

Forest::Forest(const Ensemble& ensemble)
    : feature_count_(ensemble.feature_count), base_margin_(ensemble.base_margin) {
  CHECK(feature_count_ <= limits::model_features_max);
  for (const Tree& tree : ensemble.trees) append(tree);
}

void Forest::append(const Tree& tree) {
  size_t root = nodes_.size();
  if (groups_.empty() || groups_.back().count == lanes) {
    groups_.push_back({{}, 0, 0});
    groups_.back().roots.fill(root);
  }
  Group& group = groups_.back();
  group.roots[group.count++] = root;
  group.depth = std::max(group.depth, tree.depth);
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    const TreeNode& node = tree.nodes[i];
    bool leaf = node.leaf();
    nodes_.push_back({leaf ? never : key_of(node.value),
                      static_cast<uint16_t>(leaf ? 0 : 2 * node.feature + (node.missing_left ? 0 : 1)),
                      static_cast<uint16_t>(leaf ? 1 : node.left + 1 - i)});
    values_.push_back(leaf ? node.value : 0);
  }
}

float Forest::add(const Group& group, const uint32_t* keys, float sum) const {
  const Node* nodes = nodes_.data();
  auto at = group.roots;
  auto step = [&](size_t& index) {
    const Node& node = nodes[index];
    index += size_t{node.right} - (keys[node.slot] < node.threshold);
  };
  // A fold, not a loop: the eight steps must be unrolled for their loads to overlap.
  [&]<size_t... lane>(std::index_sequence<lane...>) {
    for (uint32_t depth = 0; depth < group.depth; ++depth) (step(at[lane]), ...);
  }
  (std::make_index_sequence<lanes>{});
  for (uint32_t lane = 0; lane < group.count; ++lane) sum += values_[at[lane]];
  return sum;
}

float Forest::margin(std::span<const float> row) const {
  CHECK(row.size() == feature_count_);
  uint32_t keys[2 * limits::model_features_max];
  write_keys(row.data(), feature_count_, keys);
  float sum = base_margin_;
  for (const Group& group : groups_) sum = add(group, keys, sum);
  return sum;
}

void Forest::margins(std::span<const float> rows, size_t width, std::span<float> margins) const {
  CHECK(width >= feature_count_ && rows.size() == margins.size() * width);
  size_t step = std::max<size_t>(1, block_keys / (2 * feature_count_));
  for (size_t first = 0; first < margins.size(); first += step)
    block(rows.data() + first * width, width, margins.subspan(first, std::min(step, margins.size() - first)));
}

// Groups outside, rows inside: eight trees stay in the first-level cache for all rows of the block.
void Forest::block(const float* rows, size_t width, std::span<float> margins) const {
  uint32_t keys[std::max(block_keys, 2 * limits::model_features_max)];
  size_t row_keys = 2 * feature_count_;
  for (size_t i = 0; i < margins.size(); ++i)
    write_keys(rows + i * width, feature_count_, keys + i * row_keys);
  std::ranges::fill(margins, base_margin_);
  for (const Group& group : groups_)
    for (size_t i = 0; i < margins.size(); ++i) margins[i] = add(group, keys + i * row_keys, margins[i]);
}

}  // namespace headrace
