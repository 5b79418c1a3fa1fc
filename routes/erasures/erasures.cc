// Erasing a person: asking for it, and how far it is.
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"

namespace headrace {
namespace {

struct BeginErasure {
  std::string user_id, tenant;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &BeginErasure::user_id, "Who is to be erased; no trace of it is kept",
                            length(1, limits::key_bytes_max)),
                      field("tenant", &BeginErasure::tenant, "Whose id of the person that is; empty: the platform's",
                            length(0, limits::tenant_bytes_max), optional_field)};
  }
};

struct ReadErasure {
  std::string id;
  static constexpr auto shape() {
    return std::tuple{field("id", &ReadErasure::id, "Of the erasure", length(1, limits::key_bytes_max))};
  }
};

Task<Result<Erasure>> begin_erasure(Call& call, BeginErasure want) {
  co_return co_await call.app.erasures.begin(std::move(want.user_id), std::move(want.tenant));
}

Task<Result<Erasure>> read_erasure(Call& call, ReadErasure want) {
  co_return co_await call.app.erasures.find(std::move(want.id));
}

constexpr Route erasures_table[] = {
    {Method::POST,
     "/admin/erasures",
     Role::admin,
     handler<begin_erasure>,
     {.summary = "Erase a person from features, documents and the log", .status = 202, .keyed = true}},
    {Method::GET,
     "/admin/erasures/{id}",
     Role::admin,
     handler<read_erasure>,
     {.summary = "How far an erasure is, and its certificate"}},
};
static_assert(well_formed(erasures_table));

}  // namespace

RouteTable routes::erasures() { return {System::predict, erasures_table}; }

}  // namespace headrace
