// Routing: literals win, the search goes back, and methods are told apart after paths.
#include "src/server/router.h"

#include <gtest/gtest.h>

#include <set>

#include "routes/kit/handler.h"
#include "routes/tables.h"
#include "src/server/openapi.h"

namespace headrace {
namespace {

struct In {
  std::string id, user_id, order_id;
  static constexpr auto shape() {
    return std::tuple{field("id", &In::id, "", optional_field),
                      field("user_id", &In::user_id, "", optional_field),
                      field("order_id", &In::order_id, "", optional_field)};
  }
};
struct Out {
  bool ok = true;
  static constexpr auto shape() { return std::tuple{field("ok", &Out::ok, "")}; }
};
Result<Out> f(Call&, const In&) { return Out{}; }

constexpr Route rows[] = {
    {Method::GET, "/things/{id}", Role::anyone, handler<f>, {.summary = "x"}},
    {Method::GET, "/things/queue", Role::anyone, handler<f>, {.summary = "x"}},
    {Method::POST, "/things/trigger", Role::anyone, handler<f>, {.summary = "x"}},
    {Method::GET, "/orders/user/{user_id}", Role::anyone, handler<f>, {.summary = "x"}},
    {Method::PUT, "/orders/{order_id}/status", Role::anyone, handler<f>, {.summary = "x"}},
};
static_assert(well_formed(rows));
constexpr RouteTable table[] = {{System::cart, rows}};

std::string_view found(const Router& router, Method method, std::string_view path) {
  auto match = router.match(method, path);
  return match.route == Router::none ? "" : router.entries()[match.route].route->path;
}

TEST(Router, LiteralsWinOverParameters) {
  Router router(table);
  EXPECT_EQ(found(router, Method::GET, "/things/queue"), "/things/queue");
  EXPECT_EQ(found(router, Method::GET, "/things/queue/"), "/things/queue");
  EXPECT_EQ(found(router, Method::GET, "/things/other"), "/things/{id}");
  EXPECT_EQ(found(router, Method::HEAD, "/things/other"), "/things/{id}");
}

TEST(Router, GoesBackWhereALiteralLeadsNowhere) {
  Router router(table);
  EXPECT_EQ(found(router, Method::GET, "/things/trigger"), "/things/{id}");
  EXPECT_EQ(found(router, Method::PUT, "/orders/user/status"), "/orders/{order_id}/status");
  EXPECT_EQ(found(router, Method::GET, "/orders/user/status"), "/orders/user/{user_id}");
}

TEST(Router, GivesParametersByName) {
  Router router(table);
  auto match = router.match(Method::PUT, "/orders/o%201/status");
  ASSERT_EQ(match.parameter_count, 1u);
  EXPECT_EQ(match.parameters[0].name, "order_id");
  EXPECT_EQ(match.parameters[0].value, "o%201");
}

TEST(Router, KnowsTheMethodsOfAPath) {
  Router router(table);
  auto match = router.match(Method::DELETE, "/things/trigger");
  EXPECT_EQ(match.route, Router::none);
  EXPECT_EQ(match.methods,
            1u << static_cast<unsigned>(Method::POST) | 1u << static_cast<unsigned>(Method::GET));
  EXPECT_EQ(router.match(Method::GET, "/nothing").methods, 0u);
  for (auto path : {"", "things/x", "/things", "/things/", "/things//", "/things/a/b", "/"})
    EXPECT_EQ(router.match(Method::GET, path).route, Router::none) << path;
}

TEST(Router, TakesEveryRouteOfTheProgram) {
  Router router(all_routes());
  std::set<std::string_view> names;
  for (auto& entry : router.entries()) {
    EXPECT_EQ(found(router, entry.route->method, entry.route->path), entry.route->path);
    EXPECT_TRUE(names.insert(entry.route->handler.name).second) << entry.route->handler.name;
  }
}

TEST(Handler, IsNamedAfterItsFunction) { EXPECT_EQ(handler<f>.name, "f"); }

}  // namespace
}  // namespace headrace
