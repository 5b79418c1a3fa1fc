// A route is one row: method, path, who may pass, the handler, and its policy. Everything else is derived
// from it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "codec/shape.h"
#include "routes/kit/permit.h"
#include "src/base/limits.h"
#include "src/base/time.h"
#include "src/net/http.h"
#include "src/net/websocket.h"

namespace headrace {

// The documented system a route belongs to: it decides the form of errors.
enum class System : uint8_t { cart, predict, shop, learning, stream, ofrep };

class Call;

// What a call of the row counts as (routes/kit/rates.h).
enum class Counted : uint8_t { as_any, not_at_all, prediction, batch, simulation, upload };

// A handler as data, made by handler<function> from the function's signature (routes/kit/handler.h).
struct Handler {
  std::string_view name;          // the function's: operation id, metric label and log field
  bool takes_input = false;       // false: none, or it reads the body itself
  const TypeInfo* in = nullptr;   // of the input, a struct with a shape
  std::string_view input{};       // its type, as rules about its fields name it
  const TypeInfo* out = nullptr;  // nullptr: answers with a page of its own
  void (*run)(Call&) = nullptr;   // takes the call over; answers now or later
  bool waits = false;             // a coroutine
  bool is_socket = false;         // a GET that becomes a WebSocket (routes/kit/socket.h)
};

struct Policy {
  std::string_view summary{};
  int status = 200;
  size_t body_bytes_max = limits::body_bytes_max;
  std::string_view body{};      // for handlers that read the body themselves: its media types, for OpenAPI
  std::string_view produces{};  // for pages: their media type
  int cache_s = 0;      // an answer may be kept so long, and has an ETag
  bool secret = false;  // answers hold secrets: nobody keeps them
  const TypeInfo* answer = nullptr;  // for pages of JSON: what they look like
  Counted counted = Counted::as_any;
  bool keyed = false;  // a POST that makes something: honours Idempotency-Key (routes/kit/keyed.h)
  SlowReader slow_reader = SlowReader::wait;  // for sockets, as all below
  size_t message_bytes_max = limits::socket_message_bytes_max;
};

struct Route {
  Method method;
  std::string_view path;
  Permit permit;
  Handler handler;
  Policy policy;
};

// The rows of one file, all of one system.
struct RouteTable {
  System system;
  std::span<const Route> rows;
};

std::string_view name_of(System system);

namespace route_rules {
// Called by well_formed() in a constant expression where a rule is broken: their names are the compiler's
// message.
void a_path_begins_with_a_slash_and_has_balanced_braces();
void two_rows_of_a_table_have_the_same_method_and_path();
void a_path_parameter_is_not_a_field_of_the_input();
void a_row_has_no_summary();
void a_row_permits_by_a_field_that_its_input_has_not();
void a_socket_is_opened_by_GET();
void a_keyed_row_is_a_POST_whose_handler_waits_and_takes_input();
void what_is_cached_is_read_by_GET_and_no_secret();
}  // namespace route_rules

namespace detail {

// By `takes_input`, not by comparing addresses with null: g++ with sanitizers takes that for no constant
// expression.
constexpr bool has_field(const Handler& handler, std::string_view name) {
  if (!handler.takes_input) return false;
  for (size_t i = 0; i < handler.in->shape->count; ++i)
    if (handler.in->shape->fields[i].name == name) return true;
  return false;
}

constexpr void check_path(const Route& route) {
  std::string_view path = route.path;
  if (path.empty() || path[0] != '/') route_rules::a_path_begins_with_a_slash_and_has_balanced_braces();
  for (size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1)) {
    size_t close = path.find('}', open);
    if (close == path.npos) route_rules::a_path_begins_with_a_slash_and_has_balanced_braces();
    if (!has_field(route.handler, path.substr(open + 1, close - open - 1)))
      route_rules::a_path_parameter_is_not_a_field_of_the_input();
  }
}

constexpr void check_permit(const Route& route) {
  for (auto& rule : {route.permit.own_rule(), route.permit.tenant_rule()})
    if (rule && (rule.input != route.handler.input || rule.field.empty()))
      route_rules::a_row_permits_by_a_field_that_its_input_has_not();
}

}  // namespace detail

// For static_assert behind a table: the rules every row keeps.
template <size_t N>
consteval bool well_formed(const Route (&rows)[N]) {
  for (size_t i = 0; i < N; ++i) {
    detail::check_path(rows[i]);
    detail::check_permit(rows[i]);
    if (rows[i].policy.summary.empty()) route_rules::a_row_has_no_summary();
    if (rows[i].handler.is_socket && rows[i].method != Method::GET) route_rules::a_socket_is_opened_by_GET();
    if (rows[i].policy.keyed && (rows[i].method != Method::POST || !rows[i].handler.waits || !rows[i].handler.takes_input))
      route_rules::a_keyed_row_is_a_POST_whose_handler_waits_and_takes_input();
    if (rows[i].policy.cache_s > 0 && (rows[i].method != Method::GET || rows[i].policy.secret))
      route_rules::what_is_cached_is_read_by_GET_and_no_secret();
    for (size_t j = 0; j < i; ++j)
      if (rows[i].method == rows[j].method && rows[i].path == rows[j].path)
        route_rules::two_rows_of_a_table_have_the_same_method_and_path();
  }
  return true;
}

}  // namespace headrace
