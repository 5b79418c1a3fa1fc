// Every table of the program.
#include <array>

#include "routes/tables.h"

namespace headrace {

std::span<const RouteTable> all_routes() {
  static const std::array tables = {routes::events(), routes::simulation(), routes::event_stream(),
                                    routes::features(), routes::definitions(),
                                    routes::cart_predictions(), routes::predictions(), routes::uploads(), routes::health(),
                                    routes::services(),    routes::learning_health(), routes::api_health(),
                                    routes::documents(),   routes::erasures(),
                                    routes::auth(),        routes::keys(),     routes::users(),
                                    routes::learning_auth(), routes::internal_auth(), routes::admin_users(),
                                    routes::stores(),      routes::configuration(),
                                    routes::flags(),       routes::ofrep()};
  return tables;
}

}  // namespace headrace
