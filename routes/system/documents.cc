// The description of all routes.
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"

namespace headrace {
namespace {

Result<Page> openapi(Call& call) { return Page{call.app.openapi}; }

constexpr Route documents_table[] = {
    {Method::GET,
     "/openapi.json",
     Role::anyone,
     handler<openapi>,
     {.summary = "This description, OpenAPI 3.1", .produces = "application/json", .counted = Counted::not_at_all}},
};
static_assert(well_formed(documents_table));

}  // namespace

RouteTable routes::documents() { return {System::predict, documents_table}; }

}  // namespace headrace
