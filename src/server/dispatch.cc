// No middleware: each step either ends the call or leads to the next.
#include "src/server/dispatch.h"

#include "codec/content_coding.h"
#include "routes/kit/coding.h"
#include "routes/kit/cors.h"
#include "routes/kit/rates.h"
#include "src/base/random.h"
#include "src/identity/credentials.h"
#include "src/net/text.h"

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

// A page cannot give a WebSocket headers of its own, but subprotocols: one is "bearer.TOKEN".
std::string_view credential_of_page(const HeaderList& headers) {
  constexpr std::string_view mark = "bearer.";
  std::string_view found;
  for_each_token(headers.find("sec-websocket-protocol"), [&](std::string_view token) {
    if (token.starts_with(mark)) found = token.substr(mark.size());
  });
  return found;
}

// The credential a request shows: X-API-Key, else the token of Authorization: Bearer, else that of a page's WebSocket.
std::string_view credential_of(const HeaderList& headers) {
  if (auto key = headers.known(Known::x_api_key); !key.empty()) return key;
  std::string_view authorization = headers.known(Known::authorization);
  if (authorization.empty()) return credential_of_page(headers);
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return {};
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != (scheme[i] | 0x20)) return {};
  authorization.remove_prefix(scheme.size());
  return authorization;
}

// Without a key, on a loopback address that is configured so, everybody is the administrator.
Caller open_caller() {
  Caller caller;
  caller.kind = CredentialKind::open, caller.rate_class = RateClass::unlimited;
  caller.roles = {Role::admin}, caller.scopes = all_scopes;
  return caller;
}

Problem lacks(ScopeSet scopes) {
  std::string names;
  for (const std::string& name : names_of(scopes)) names += (names.empty() ? "" : " ") + name;
  return {Error::insufficient_permissions, "The credential lacks one of the scopes " + names};
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

// A request with a body is matched twice, and most are like the one before.
Router::Match Dispatch::find(const Request& request) {
  if (request.method == last_method_ && request.path == last_path_) return last_match_;
  auto found = router_.match(request.method, request.path);
  if (found.route == Router::none || found.parameter_count > 0) return found;
  last_match_ = found, last_method_ = request.method;
  last_path_ = router_.entries()[found.route].route->path;
  return found;
}

size_t Dispatch::body_limit(const Request& head) {
  auto found = find(head);
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
  call.method = request.method, call.bytes_in = request.body.size();
  call.peer = proxies_.client_of(request);
  call.listener = &app_.listeners[request.listener];
  call.certificate.assign(request.client_subject);
  call.set_request(&request);
  name(call, request);
  call.coding = coding_for(request.headers.known(Known::accept_encoding));
  if (!app_.cors_origins.empty()) add_cors(app_.cors_origins, request, call);
  call.wants_problem_json = accepts_problem_json(request.headers.known(Known::accept));
  Request decoded;
  if (!match(call, request) || !authorise(call, request)) return;
  if (!take_rate(call)) return;
  if (!request.headers.known(Known::content_encoding).empty() && !request.body.empty()) {
    if (!decode(call, request, decoded)) return;
    call.set_request(&decoded);
  }
  if (call.route->policy.keyed && !take_idempotency_key(call, call.request())) return;
  call.route->handler.run(call);
}

// Most ask as the one before did.
Coding Dispatch::coding_for(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return Coding::identity;
  if (accept_encoding != here_.accepts) here_.accepts = accept_encoding, here_.accepted = choose_coding(accept_encoding);
  return here_.accepted;
}

// Of the route at this path, whatever its method; else of the path's prefix.
System Dispatch::system_at(std::string_view path) const {
  for (size_t m = 0; m < method_count; ++m)
    if (auto found = router_.match(static_cast<Method>(m), path); found.route != Router::none)
      return router_.entries()[found.route].system;
  return path.starts_with("/api/v1/") ? System::learning : System::predict;
}

bool Dispatch::match(Call& call, const Request& request) {
  auto found = find(request);
  if (found.route != Router::none) {
    auto& entry = router_.entries()[found.route];
    call.route = entry.route, call.route_index = found.route, call.system = entry.system;
    if (entry.route->policy.cache_s > 0) call.if_none_match = request.headers.known(Known::if_none_match);
    call.path_parameters = found.parameters, call.path_parameter_count = found.parameter_count;
    return true;
  }
  call.route_index = router_.entries().size();
  call.system = system_at(request.path);
  if (request.path == "*" || (found.methods && request.method == Method::OPTIONS)) {
    std::string methods = allow_header(found.methods);
    call.add_header("Allow", methods);
    if (!app_.cors_origins.empty()) add_preflight(request, methods, call);
    call.answer(204, {}, {});
  } else if (found.methods) {
    call.add_header("Allow", allow_header(found.methods));
    call.answer_problem(Error::method_not_allowed);
  } else {
    call.answer_problem(Error::not_found);
  }
  return false;
}

Result<> Dispatch::identify(Call& call, const Request& request) {
  std::string_view credential = credential_of(request.headers);
  if (credential.empty()) {
    if (app_.open_access) call.caller = open_caller();
    return Done{};
  }
  auto caller = here_.credentials->identify(credential, call.peer.view(), app_.clock.wall());
  if (!caller.ok()) return caller.problem();
  call.caller = **caller;
  return Done{};
}

// Denied unless the row permits it. Who shows a bad credential where none is needed passes without.
bool Dispatch::authorise(Call& call, const Request& request) {
  const Permit& permit = call.route->permit;
  Result<> known = identify(call, request);
  if (permit.open()) return true;
  if (known.ok() && permit.admits_role(call.caller) && permit.admits_scope(call.caller)) return true;
  Problem problem = !known.ok()                          ? known.problem()
                    : !call.caller.known()               ? Problem(Error::authentication_required)
                    : !permit.admits_role(call.caller)   ? Problem(Error::insufficient_permissions)
                                                         : lacks(permit.scopes());
  if (problem.error == Error::authentication_required) call.add_header("WWW-Authenticate", "Bearer");
  call.answer_problem(problem);
  return false;
}

bool Dispatch::take_rate(Call& call) {
  RateState state = take_rates({app_, here_, call.caller, call.peer.view(), call.system, call.route->policy.counted});
  if (state.rule) add_rate_headers(state, call);
  if (!state.verdict.allowed) call.answer_problem(too_often(state));
  return state.verdict.allowed;
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

Reply Dispatch::protocol_error(Error error, std::string_view detail, const Request& request) {
  std::string id = make_uuid(thread_random());
  here_.access.request_refused(id, row_of(error), request.peer);
  const Problem problem(error, std::string(detail));
  ProblemReply reply = format_problem(system_at(request.path), problem, id, app_.clock.wall(),
                                      accepts_problem_json(request.headers.known(Known::accept)));
  std::string headers = "X-Request-ID: " + id + "\r\n";
  if (int64_t wait = retry_after_s(problem); wait > 0) headers += fmt::format("Retry-After: {}\r\n", wait);
  return {reply.status, reply.content_type, std::move(headers), std::move(reply.body)};
}

}  // namespace headrace
