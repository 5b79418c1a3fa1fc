// The life of a call: made from a free list, answered once, counted.
#include "routes/kit/call.h"

#include <fmt/format.h>

#include "routes/kit/app.h"

namespace headrace {

RouteStats& RouteStats::operator+=(const RouteStats& other) {
  for (size_t i = 0; i < by_class.size(); ++i) by_class[i] += other.by_class[i];
  duration += other.duration;
  return *this;
}

void Call::add_header(std::string_view name, std::string_view value) {
  headers_.append(name).append(": ").append(value).append("\r\n");
}

void Call::answer(int status, std::string_view content_type, std::string body) {
  RouteStats& stats = here.routes[route_index];
  ++stats.by_class[static_cast<size_t>(status / 100) % stats.by_class.size()];
  stats.duration.observe(app.clock.monotonic() - started);
  add_header("X-Request-ID", id.view());
  if (!traceparent.empty()) add_header("traceparent", traceparent);
  exchange_.answer({status, content_type, std::move(headers_), std::move(body)});
  end_call(*this);
}

void Call::answer_problem(const Problem& problem) {
  ProblemReply reply = format_problem(system, problem, id.view(), app.clock.wall());
  if (problem.error == Error::overloaded || problem.error == Error::storage_full)
    add_header("Retry-After", "1");
  answer(reply.status, "application/json", std::move(reply.body));
}

Call& make_call(App& app, LoopContext& here, Exchange exchange) {
  return *new Call(app, here, std::move(exchange));
}

void end_call(Call& call) { delete &call; }

}  // namespace headrace
