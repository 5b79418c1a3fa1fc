// Every table of the program.
#include <array>

#include "routes/tables.h"

namespace headrace {

std::span<const RouteTable> all_routes() {
  static const std::array tables = {routes::events(),      routes::features(), routes::cart_predictions(),
                                    routes::predictions(), routes::health(),   routes::documents()};
  return tables;
}

}  // namespace headrace
