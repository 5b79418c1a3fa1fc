// Events of a made-up shop, taken in as if producers had sent them: to see features, predictions and charts move before
// there are producers. System `stream`.
#include <algorithm>

#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"
#include "src/base/random.h"
#include "src/events/intake.h"
#include "src/runtime/offload.h"
#include "src/simulation/shop.h"

namespace headrace {
namespace {

constexpr std::string_view of_all_types = "random";

struct Simulate {
  int64_t num_events = 1000;
  std::string event_type{of_all_types};
  static constexpr auto shape() {
    constexpr auto types = std::apply([](auto... type) { return one_of(of_all_types, type...); }, shop_event_types);
    return std::tuple{field("num_events", &Simulate::num_events, "How many events",
                            between(1, limits::simulated_events_max), optional_field),
                      field("event_type", &Simulate::event_type,
                            "random: whole visits of a shop, as they come; or only their events of one type", types,
                            optional_field)};
  }
};

struct Simulated {
  std::string_view status;
  int64_t events_generated = 0;
  static constexpr auto shape() {
    return std::tuple{field("status", &Simulated::status, "partial: the intake refused the rest", one_of("success", "partial")),
                      field("events_generated", &Simulated::events_generated, "Events that are on disk")};
  }
};

// The first `wish.events` events of the day, one per line, in pieces that a loop takes in at once.
Result<std::vector<std::string>> make_pieces(ShopWish wish) {
  auto shop = make_shop(wish);
  std::vector<std::string> pieces;
  SourceEvent event;
  for (size_t at = 0; at < wish.events; ++at) {
    Result<bool> more = shop->next(event);
    if (!more.ok()) return more.problem();
    if (at % limits::simulated_piece_events == 0) pieces.emplace_back();
    pieces.back().append(event.json).push_back('\n');
  }
  return pieces;
}

Task<Result<Simulated>> simulate(Call& call, Simulate want) {
  Micros now = call.app.clock.wall();
  ShopWish wish;
  wish.events = static_cast<size_t>(want.num_events);
  wish.seed = thread_random().next();
  wish.end = now;
  wish.run = make_token(thread_random(), 12);
  if (want.event_type != of_all_types) wish.only = want.event_type;
  Result<std::vector<std::string>> pieces = co_await offload(call.app.workers, make_pieces, std::move(wish));
  if (!pieces.ok()) co_return pieces.problem();
  Simulated out;
  for (const std::string& piece : *pieces) {
    auto batch = call.here.batches.take(piece.size());
    CO_TRY_DONE(batch->read_lines(piece));
    IngestedBatch done = co_await ingest_all(call.app.shards, *batch, call.caller.tenant.view(), now);
    out.events_generated += static_cast<int64_t>(done.accepted);
    if (!done.problems.empty() && out.events_generated == 0) co_return done.problems[0];
    if (!done.problems.empty()) break;
  }
  out.status = out.events_generated == want.num_events ? "success" : "partial";
  co_return out;
}

constexpr Route simulation_table[] = {
    {Method::POST,
     "/api/simulate",
     allow(Role::service).with(Scope::events_write),
     handler<simulate>,
     {.summary = "Take in events of a made-up shop's last 24 hours", .counted = Counted::simulation, .keyed = true}},
};
static_assert(well_formed(simulation_table));

}  // namespace

RouteTable routes::simulation() { return {System::stream, simulation_table}; }

}  // namespace headrace
