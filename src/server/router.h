// Router: from method and path to a row of the route table. A literal segment wins over a parameter, and the
// search goes back where a literal leads nowhere, so every documented pair of overlapping paths works.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "routes/kit/call.h"
#include "routes/kit/route.h"

namespace headrace {

struct RouteEntry {
  const Route* route;
  System system;
};

// Immutable once made; any thread.
class Router {
 public:
  static constexpr size_t none = SIZE_MAX;

  explicit Router(std::span<const RouteTable> tables);

  struct Match {
    size_t route = none;   // index into entries(); none where nothing matches
    uint32_t methods = 0;  // bit per Method that some row has for this path
    std::array<Call::PathParameter, 4> parameters{};
    size_t parameter_count = 0;
  };
  // HEAD finds the row of GET where it has none of its own.
  Match match(Method method, std::string_view path) const;

  std::span<const RouteEntry> entries() const { return entries_; }

 private:
  struct Node {
    std::unordered_map<std::string_view, std::unique_ptr<Node>> literals;
    std::unique_ptr<Node> parameter;
    std::array<size_t, method_count> routes;
    Node() { routes.fill(none); }
  };
  using Values = std::array<std::string_view, 4>;

  void add(const RouteTable& table, const Route& route);
  const Node* find(const Node& node, std::string_view rest, Method method, Values& values, size_t depth,
                   uint32_t& methods) const;
  static size_t route_at(const Node& node, Method method);
  static uint32_t methods_of(const Node& node);

  std::vector<RouteEntry> entries_;
  Node root_;
  std::unordered_map<std::string_view, const Node*> whole_;  // paths without parameters
};

}  // namespace headrace
