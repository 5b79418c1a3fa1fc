// The life of a call: made from a free list, answered once, counted.
#include "routes/kit/call.h"

#include <fmt/format.h>

#include "codec/checksum.h"
#include "routes/kit/app.h"
#include "routes/kit/coding.h"
#include "routes/kit/handler.h"
#include "src/base/limits.h"
#include "src/net/text.h"

namespace headrace {

RouteStats& RouteStats::operator+=(const RouteStats& other) {
  for (size_t i = 0; i < by_class.size(); ++i) by_class[i] += other.by_class[i];
  duration += other.duration;
  return *this;
}

namespace {

void append_header(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

constexpr std::string_view socket_protocol = "headrace";

bool offers_protocol(const HeaderList& headers) {
  bool found = false;
  for_each_token(headers.find("sec-websocket-protocol"), [&](std::string_view token) { found |= token == socket_protocol; });
  return found;
}

}  // namespace

void Call::add_header(std::string_view name, std::string_view value) { append_header(name, value, headers_); }

void Call::finished(int status, size_t bytes_out) {
  RouteStats& stats = here.routes[route_index];
  ++stats.by_class[static_cast<size_t>(status / 100) % stats.by_class.size()];
  Micros took = app.clock.monotonic() - started;
  stats.duration.observe(took);
  if (here.access.wants(status, took)) here.access.request_finished(*this, status, took, bytes_out);
}

const std::string& Call::all_headers() {
  std::string& headers = here.headers;
  headers = headers_;
  append_header("X-Request-ID", id.view(), headers);
  if (!traceparent.empty()) append_header("traceparent", traceparent, headers);
  if (here.settings && here.settings->integer(SettingId::http_server_timing) != 0)
    fmt::format_to(std::back_inserter(headers), "Server-Timing: app;dur={:.3f}\r\n",
                   static_cast<double>(app.clock.monotonic() - started) / 1000);
  return headers;
}

// Adds what the client needs to keep an answer, and says whether it has it already (RFC 9110 13.1.2: weakly compared).
bool Call::kept_by_client(std::string_view body) {
  std::string tag = fmt::format("\"{:016x}\"", hash64(body));
  add_header("ETag", "W/" + tag);
  add_header("Cache-Control", fmt::format("{}, max-age={}", route->permit.open() ? "public" : "private", route->policy.cache_s));
  bool same = false;
  for_each_token(if_none_match, [&](std::string_view given) {
    if (given.starts_with("W/")) given.remove_prefix(2);
    same |= given == tag || given == "*";
  });
  return same;
}

void Call::answer(int status, std::string_view content_type, std::string_view body) {
  if (keyed && keyed->claimed) return spawn(keep_and_answer(*this, status, std::string(content_type), std::string(body)));
  if (route && route->policy.cache_s > 0 && status == 200 && kept_by_client(body)) status = 304, content_type = body = {};
  if (route && route->policy.secret) add_header("Cache-Control", "no-store");
  if (!may_be_coded(content_type, body)) return send(status, content_type, body);
  add_header("Vary", "Accept-Encoding");
  if (coding == Coding::identity) return send(status, content_type, body);
  if (body.size() > limits::coded_here_bytes_max)
    return spawn(code_and_answer(*this, status, std::string(content_type), std::string(body)));
  encode_content(coding, body, here.coded);
  add_header("Content-Encoding", name_of(coding));
  send(status, content_type, here.coded);
}

bool Call::may_be_coded(std::string_view content_type, std::string_view body) const {
  return is_worth_coding(content_type, body.size()) && !(route && route->policy.secret);
}

// What takes a loop too long is a worker's; where they are busy it goes as it is.
Task<void> code_and_answer(Call& call, int status, std::string content_type, std::string body) {
  auto code = [](Coding coding, const std::string* plain) {
    std::string out;
    encode_content(coding, *plain, out);
    return out;
  };
  Result<std::string> coded = co_await offload(call.app.workers, +code, call.coding, &body);
  if (coded.ok()) call.add_header("Content-Encoding", name_of(call.coding));
  call.send(status, content_type, coded.ok() ? *coded : body);
}

void Call::send(int status, std::string_view content_type, std::string_view body) {
  finished(status, body.size());
  exchange_.answer({status, content_type, all_headers(), body});
  end_call(*this);
}

void Call::upgrade(const Handshake& handshake, std::shared_ptr<SocketSession> session) {
  constexpr int switching_protocols = 101;
  add_header("Upgrade", "websocket");
  add_header("Connection", "Upgrade");
  add_header("Sec-WebSocket-Accept", handshake.accept);
  // A browser wants one of the subprotocols that it offers. There is one; a credential may stand beside it.
  if (offers_protocol(request().headers)) add_header("Sec-WebSocket-Protocol", socket_protocol);
  SocketOptions options;
  options.message_bytes_max = route->policy.message_bytes_max;
  options.slow_reader = route->policy.slow_reader;
  finished(switching_protocols, 0);
  exchange_.upgrade({switching_protocols, {}, all_headers(), {}}, std::move(session), options);
  end_call(*this);
}

void Call::answer_problem(const Problem& problem) {
  code = row_of(problem.error).code;
  // Nothing of `ofrep` waits: its path is still there.
  std::string_view subject = system == System::ofrep && path_parameter_count ? path_parameters[0].value : std::string_view();
  ProblemReply reply = format_problem(system, problem, id.view(), app.clock.wall(), wants_problem_json, subject);
  if (int64_t wait = retry_after_s(problem); wait > 0) add_header("Retry-After", std::to_string(wait));
  if (problem.error == Error::unsupported_media_type && method == Method::POST && route)
    add_header("Accept-Post", route->policy.body.empty() ? "application/json" : route->policy.body);
  if (problem.error == Error::upgrade_required) {
    add_header("Upgrade", "websocket");
    add_header("Connection", "Upgrade");
    add_header("Sec-WebSocket-Version", "13");
  }
  answer(reply.status, reply.content_type, reply.body);
}

std::string& detail::scratch_body(Call& call) {
  std::string& body = call.here.body;
  if (body.capacity() > limits::kept_answer_bytes_max) std::string().swap(body);
  return body;
}

Call& make_call(App& app, LoopContext& here, Exchange exchange) {
  return *new Call(app, here, std::move(exchange));
}

void end_call(Call& call) { delete &call; }

}  // namespace headrace
