// No middleware: each step either ends the call or leads to the next.
#include "src/server/dispatch.h"

#include "codec/checksum.h"
#include "codec/content_coding.h"
#include "src/base/random.h"

namespace headrace {
namespace {

bool is_visible(std::string_view text) {
  for (unsigned char c : text)
    if (c < 0x21 || c > 0x7e || c == '"' || c == '\\') return false;
  return !text.empty();
}

// version "-" trace-id "-" parent-id "-" flags (W3C Trace Context, section 3.2).
bool is_traceparent(std::string_view text) {
  if (text.size() != 55) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 2 || i == 35 || i == 52;
    bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

System system_of_path(std::string_view path) {
  return path.starts_with("/api/v1/") ? System::learning : System::predict;
}

// The credential a request shows: X-API-Key, else the token of Authorization: Bearer.
std::string_view credential_of(const HeaderList& headers) {
  if (auto key = headers.known(Known::x_api_key); !key.empty()) return key;
  std::string_view authorization = headers.known(Known::authorization);
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return {};
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != (scheme[i] | 0x20)) return {};
  authorization.remove_prefix(scheme.size());
  return authorization;
}

std::string allow_header(uint32_t methods) {
  std::string out;
  for (size_t m = 0; m < method_count; ++m) {
    bool known = methods >> m & 1;
    if (static_cast<Method>(m) == Method::HEAD) known = methods >> static_cast<size_t>(Method::GET) & 1;
    if (known) out.append(out.empty() ? "" : ", ").append(name_of(static_cast<Method>(m)));
  }
  return out + ", OPTIONS";
}

}  // namespace

size_t Dispatch::body_limit(const Request& head) {
  auto found = router_.match(head.method, head.path);
  if (found.route == Router::none) return limits::unrouted_body_bytes_max;
  size_t bytes = router_.entries()[found.route].route->policy.body_bytes_max;
  return head.headers.known(Known::content_encoding).empty()
             ? bytes
             : std::min(bytes, limits::compressed_body_bytes_max);
}

void Dispatch::name(Call& call, const Request& request) {
  std::string_view given = request.headers.known(Known::x_request_id);
  if (given.size() <= 64 && is_visible(given))
    call.id.assign(given);
  else
    call.id.assign(make_uuid(thread_random()));
  std::string_view trace = request.headers.known(Known::traceparent);
  if (is_traceparent(trace)) call.traceparent = trace;
}

void Dispatch::serve(const Request& request, Exchange exchange) {
  Call& call = make_call(app_, here_, std::move(exchange));
  call.started = app_.clock.monotonic();
  call.set_request(&request);
  name(call, request);
  Request decoded;
  if (!match(call, request) || !authorise(call, request)) return;
  if (!request.headers.known(Known::content_encoding).empty() && !request.body.empty()) {
    if (!decode(call, request, decoded)) return;
    call.set_request(&decoded);
  }
  call.route->handler.run(call);
}

bool Dispatch::match(Call& call, const Request& request) {
  auto found = router_.match(request.method, request.path);
  if (found.route != Router::none) {
    auto& entry = router_.entries()[found.route];
    call.route = entry.route, call.route_index = found.route, call.system = entry.system;
    call.path_parameters = found.parameters, call.path_parameter_count = found.parameter_count;
    return true;
  }
  call.route_index = router_.entries().size();
  call.system = system_of_path(request.path);
  if (request.path == "*" || (found.methods && request.method == Method::OPTIONS)) {
    call.add_header("Allow", allow_header(found.methods));
    call.answer(204, {}, {});
  } else if (found.methods) {
    call.add_header("Allow", allow_header(found.methods));
    call.answer_problem(Error::method_not_allowed);
  } else {
    call.answer_problem(Error::not_found);
  }
  return false;
}

Result<Role> Dispatch::identify(const Request& request) {
  std::string_view credential = credential_of(request.headers);
  if (credential.empty()) return app_.open_access ? Role::admin : Role::anyone;
  // A connection shows the same key with every request: it is hashed for real once.
  Digest seen = hash128(credential);
  auto& memo = request.memo->as<Remembered>();
  if (memo.low == seen.low && memo.high == seen.high) return memo.role;
  if (!app_.keys.is_admin(credential))
    return Problem{Error::authentication_required, "The API key is not valid"};
  memo = {seen.low, seen.high, Role::admin};
  return Role::admin;
}

bool Dispatch::authorise(Call& call, const Request& request) {
  Result<Role> role = identify(request);
  if (role.ok()) call.caller.role = *role;
  if (role.ok() ? call.caller.role >= call.route->role : call.route->role == Role::anyone) return true;
  Problem problem = !role.ok()                         ? role.problem()
                    : call.caller.role == Role::anyone ? Problem(Error::authentication_required)
                                                       : Problem(Error::insufficient_permissions);
  if (problem.error == Error::authentication_required) call.add_header("WWW-Authenticate", "Bearer");
  call.answer_problem(problem);
  return false;
}

bool Dispatch::decode(Call& call, const Request& request, Request& decoded) {
  Result<> done = decode_content(request.headers.known(Known::content_encoding), request.body,
                                 call.route->policy.body_bytes_max, decoded_body_);
  if (!done.ok()) {
    call.answer_problem(done.problem());
    return false;
  }
  decoded = request;
  decoded.body = decoded_body_;
  return true;
}

Reply Dispatch::protocol_error(Error error, std::string_view detail) {
  std::string id = make_uuid(thread_random());
  ProblemReply problem =
      format_problem(System::predict, Problem(error, std::string(detail)), id, app_.clock.wall());
  return {problem.status, "application/json", "X-Request-ID: " + id + "\r\n", std::move(problem.body)};
}

}  // namespace headrace
