// A tree of path segments; paths without parameters are found in one hash look-up.
#include "src/server/router.h"

#include "src/base/check.h"

namespace headrace {
namespace {

// Takes the first segment (behind a slash) off `path`.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::string_view without_trailing_slash(std::string_view path) {
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

}  // namespace

Router::Router(std::span<const RouteTable> tables) {
  for (auto& table : tables)
    for (auto& route : table.rows) add(table, route);
}

void Router::add(const RouteTable& table, const Route& route) {
  Node* node = &root_;
  bool whole = true;
  for (std::string_view rest = route.path; rest.size() > 1 || (rest.size() == 1 && node == &root_);) {
    std::string_view segment = take_segment(rest);
    whole = whole && !is_parameter(segment);
    auto& next = is_parameter(segment) ? node->parameter : node->literals[segment];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  size_t& place = node->routes[static_cast<size_t>(route.method)];
  CHECK(place == none);  // the same operation in two tables
  place = entries_.size();
  entries_.push_back({&route, table.system});
  if (whole) whole_[route.path] = node;
}

size_t Router::route_at(const Node& node, Method method) {
  size_t found = node.routes[static_cast<size_t>(method)];
  if (found == none && method == Method::HEAD) found = node.routes[static_cast<size_t>(Method::GET)];
  return found;
}

uint32_t Router::methods_of(const Node& node) {
  uint32_t methods = 0;
  for (size_t m = 0; m < method_count; ++m)
    if (node.routes[m] != none) methods |= 1u << m;
  return methods;
}

const Router::Node* Router::find(const Node& node, std::string_view rest, Method method, Values& values,
                                 size_t depth, uint32_t& methods) const {
  if (rest.empty()) {
    methods |= methods_of(node);
    return route_at(node, method) == none ? nullptr : &node;
  }
  std::string_view segment = take_segment(rest);
  if (auto next = node.literals.find(segment); next != node.literals.end())
    if (auto* found = find(*next->second, rest, method, values, depth, methods)) return found;
  if (!node.parameter || segment.empty() || depth == values.size()) return nullptr;
  values[depth] = segment;
  return find(*node.parameter, rest, method, values, depth + 1, methods);
}

Router::Match Router::match(Method method, std::string_view path) const {
  Match match;
  path = without_trailing_slash(path);
  if (path.empty() || path[0] != '/') return match;
  Values values;
  const Node* node = nullptr;
  if (auto known = whole_.find(path); known != whole_.end()) {
    node = known->second;
    match.methods = methods_of(*node);
    if (route_at(*node, method) == none) node = nullptr;
  }
  if (!node) node = find(root_, path, method, values, 0, match.methods);
  if (!node) return match;
  match.route = route_at(*node, method);
  std::string_view rest = entries_[match.route].route->path;
  while (rest.size() > 1) {
    std::string_view segment = take_segment(rest);
    if (!is_parameter(segment)) continue;
    match.parameters[match.parameter_count] = {segment.substr(1, segment.size() - 2),
                                               values[match.parameter_count]};
    ++match.parameter_count;
  }
  return match;
}

}  // namespace headrace
