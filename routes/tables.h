// The route tables, one per file of routes/. all.cc lists them.
#pragma once

#include <span>

#include "routes/kit/route.h"

namespace headrace {

std::span<const RouteTable> all_routes();

namespace routes {
RouteTable events();
RouteTable features();
RouteTable cart_predictions();
RouteTable predictions();
RouteTable health();
RouteTable documents();
}  // namespace routes

}  // namespace headrace
