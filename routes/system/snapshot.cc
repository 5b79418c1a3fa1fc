// Each loop copies its own numbers on its own thread; the copies are merged by the one who asked.
#include "routes/system/snapshot.h"

#include <algorithm>

#include "src/runtime/ask.h"

namespace headrace {
namespace {

Snapshot snapshot_here(App* app, LoopContext* here) {
  Snapshot out;
  out.routes = here->routes;
  out.http = here->http_before;
  for (auto* counters : here->http) out.http += *counters;
  out.intake_refused = here->intake_refused;
  out.intake = here->intake;
  for (uint32_t p = 0; p < app->shards.count(); ++p)
    if (&app->shards[p].loop() == &here->loop)
      out.shards.push_back(
          {p, app->shards[p].stats(), app->predictions[p]->stats(), app->keeper.stats(p),
           app->backfill.progress(p)});
  return out;
}

}  // namespace

Snapshot& Snapshot::operator+=(const Snapshot& other) {
  routes.resize(std::max(routes.size(), other.routes.size()));
  for (size_t i = 0; i < other.routes.size(); ++i) routes[i] += other.routes[i];
  http += other.http;
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
