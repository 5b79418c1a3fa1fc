// Each loop copies its own numbers on its own thread; the copies are merged by the one who asked.
#include "routes/system/snapshot.h"

#include <algorithm>

#include "src/runtime/ask.h"

namespace headrace {
namespace {

Snapshot snapshot_here(App* app, LoopContext* here) {
  Snapshot out;
  out.routes = here->routes;
  if (here->http) out.http = *here->http;
  out.intake_refused = here->intake_refused;
  out.intake = here->intake;
  for (uint32_t p = 0; p < app->shards.count(); ++p)
    if (&app->shards[p].loop() == &here->loop)
      out.shards.push_back({p, app->shards[p].stats(), app->predictions[p]->stats()});
  return out;
}

}  // namespace

Snapshot& Snapshot::operator+=(const Snapshot& other) {
  routes.resize(std::max(routes.size(), other.routes.size()));
  for (size_t i = 0; i < other.routes.size(); ++i) routes[i] += other.routes[i];
  http.connections_accepted += other.http.connections_accepted;
  http.connections_open += other.http.connections_open;
  http.connections_refused += other.http.connections_refused;
  http.accept_errors += other.http.accept_errors;
  http.requests += other.http.requests;
  http.replies += other.http.replies;
  http.bytes_in += other.http.bytes_in;
  http.bytes_out += other.http.bytes_out;
  http.protocol_errors += other.http.protocol_errors;
  http.timeouts += other.http.timeouts;
  http.slow_readers += other.http.slow_readers;
  http.abandoned += other.http.abandoned;
  intake_refused += other.intake_refused;
  intake += other.intake;
  shards.insert(shards.end(), other.shards.begin(), other.shards.end());
  std::sort(shards.begin(), shards.end(), [](auto& a, auto& b) { return a.partition < b.partition; });
  return *this;
}

Task<Result<Snapshot>> take_snapshot(App& app) {
  Snapshot all;
  for (auto& context : app.loops) {
    Result<Snapshot> one = co_await ask(context->loop, snapshot_here, &app, context.get());
    if (!one.ok()) co_return one.problem();
    all += *one;
  }
  co_return all;
}

}  // namespace headrace
