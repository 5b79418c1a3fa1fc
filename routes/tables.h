// The route tables, one per file of routes/. all.cc lists them.
#pragma once

#include <span>

#include "routes/kit/route.h"

namespace headrace {

std::span<const RouteTable> all_routes();

namespace routes {
RouteTable events();
RouteTable simulation();
RouteTable event_stream();
RouteTable features();
RouteTable definitions();
RouteTable cart_predictions();
RouteTable predictions();
RouteTable uploads();
RouteTable health();
RouteTable services();
RouteTable learning_health();
RouteTable api_health();
RouteTable documents();
RouteTable erasures();
RouteTable auth();
RouteTable keys();
RouteTable users();
RouteTable learning_auth();
RouteTable internal_auth();
RouteTable admin_users();
RouteTable stores();
RouteTable configuration();
RouteTable flags();
RouteTable ofrep();
}  // namespace routes

}  // namespace headrace
