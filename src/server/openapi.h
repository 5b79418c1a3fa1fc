// The OpenAPI 3.1 document and the plain list of routes, both derived from the route tables.
#pragma once

#include <span>
#include <string>

#include "routes/kit/route.h"

namespace headrace {

std::string openapi_document(std::span<const RouteTable> tables, std::string_view version);

// One line per row: method, path, role, system, operation; sorted by path. docs/routes.txt is this.
std::string route_list(std::span<const RouteTable> tables);

}  // namespace headrace
