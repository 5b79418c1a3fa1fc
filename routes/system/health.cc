// Health, readiness, version and metrics. Open to everyone: load balancers and Prometheus have no key.
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/system/health_state.h"
#include "routes/system/metrics.h"
#include "routes/system/snapshot.h"
#include "routes/tables.h"
#include "src/base/version.h"

namespace headrace {
namespace {

struct Health {
  std::string status = "healthy", service;
  Timestamp timestamp;
  std::string version;
  std::map<std::string, std::string> dependencies;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &Health::status, "healthy, degraded where stored data is damaged, draining once the server was asked to stop"),
        field("service", &Health::service, "The name this listener goes by"),
        field("timestamp", &Health::timestamp, "Now, UTC"),
        field("version", &Health::version, "Version of the program"),
        field("dependencies", &Health::dependencies,
              "What it stands on. PostgreSQL and Redis are documented here; this server needs neither and "
              "says so")};
  }
};

struct PartitionHealth {
  int64_t partition = 0, applied_lsn = 0, durable_lsn = 0, events = 0, rows_in_memory = 0, rows_dirty = 0;
  int64_t damaged = 0, holes = 0;
  double sync_ms_mean = 0;
  bool writable = true;
  static constexpr auto shape() {
    return std::tuple{
        field("partition", &PartitionHealth::partition, "Number of the partition"),
        field("writable", &PartitionHealth::writable, "False if writes are refused now"),
        field("applied_lsn", &PartitionHealth::applied_lsn, "Last record applied"),
        field("durable_lsn", &PartitionHealth::durable_lsn, "Last record on disk"),
        field("events", &PartitionHealth::events, "Events taken in since the start"),
        field("rows_in_memory", &PartitionHealth::rows_in_memory, "Feature rows"),
        field("rows_dirty", &PartitionHealth::rows_dirty, "Not yet written behind"),
        field("damaged", &PartitionHealth::damaged, "Damaged places that the scrub knows of"),
        field("holes", &PartitionHealth::holes, "Losses that were accepted, as the scrub has seen them"),
        field("sync_ms_mean", &PartitionHealth::sync_ms_mean, "Mean group commit since the start")};
  }
};

struct DetailedHealth {
  std::string status = "healthy", service, version;
  Timestamp timestamp, started;
  double uptime_seconds = 0;
  int64_t loops = 0, connections = 0, requests = 0;
  std::vector<PartitionHealth> partitions;
  std::vector<std::string> models;
  static constexpr auto shape() {
    return std::tuple{field("status", &DetailedHealth::status, "The worst of its parts",
                            one_of("healthy", "degraded", "draining")),
                      field("service", &DetailedHealth::service, "The name this listener goes by"),
                      field("version", &DetailedHealth::version, "Version of the program"),
                      field("timestamp", &DetailedHealth::timestamp, "Now, UTC"),
                      field("started", &DetailedHealth::started, "When the server started"),
                      field("uptime_seconds", &DetailedHealth::uptime_seconds, "Since then"),
                      field("loops", &DetailedHealth::loops, "Event loops, one thread each"),
                      field("connections", &DetailedHealth::connections, "Open connections"),
                      field("requests", &DetailedHealth::requests, "Requests since the start"),
                      field("partitions", &DetailedHealth::partitions, "One per partition"),
                      field("models", &DetailedHealth::models, "Models loaded")};
  }
};

struct Readiness {
  bool ready = true;
  std::string status = "ready";
  static constexpr auto shape() {
    return std::tuple{field("ready", &Readiness::ready, "True if requests may come"),
                      field("status", &Readiness::status, "In a word")};
  }
};

struct Version {
  std::string name = "headrace", version, compiler, api = "OpenAPI 3.1 at /openapi.json";
  static constexpr auto shape() {
    return std::tuple{field("name", &Version::name, "Of the program"),
                      field("version", &Version::version, "Its version"),
                      field("compiler", &Version::compiler, "What it was built with"),
                      field("api", &Version::api, "Where its routes are described")};
  }
};

struct Status {
  std::string status = "healthy", service, version;
  double uptime_seconds = 0;
  int64_t events_total = 0, predictions_total = 0, requests_total = 0, events_refused = 0;
  Timestamp timestamp;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &Status::status, "In a word"),
        field("service", &Status::service, "The name this listener goes by"),
        field("version", &Status::version, "Version of the program"),
        field("uptime_seconds", &Status::uptime_seconds, "Since the start"),
        field("events_total", &Status::events_total, "Events taken in since the start"),
        field("predictions_total", &Status::predictions_total, "Cart predictions since the start"),
        field("requests_total", &Status::requests_total, "Requests since the start"),
        field("events_refused", &Status::events_refused, "Events or batches that broke a rule"),
        field("timestamp", &Status::timestamp, "Now, UTC")};
  }
};

struct ConnectionsStatus {
  std::string status = "healthy";
  Timestamp timestamp;
  int64_t sockets_open = 0, sockets_opened = 0, messages_in = 0, messages_out = 0, messages_dropped = 0;
  int64_t connections_open = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &ConnectionsStatus::status, "In a word"),
        field("timestamp", &ConnectionsStatus::timestamp, "Now, UTC"),
        field("sockets_open", &ConnectionsStatus::sockets_open, "WebSockets that are open"),
        field("sockets_opened", &ConnectionsStatus::sockets_opened, "Since the start"),
        field("messages_in", &ConnectionsStatus::messages_in, "Received over them since the start"),
        field("messages_out", &ConnectionsStatus::messages_out, "Sent"),
        field("messages_dropped", &ConnectionsStatus::messages_dropped, "Not sent, since their readers are slow"),
        field("connections_open", &ConnectionsStatus::connections_open, "Of HTTP and WebSockets")};
  }
};

double uptime(const App& app) { return static_cast<double>(app.clock.wall() - app.started_wall) / second_us; }

Result<Health> health(Call& call) {
  Health out;
  out.status = state_of(call.app);
  out.service = call.listener->service;
  out.timestamp = {call.app.clock.wall(), false};
  out.version = version;
  out.dependencies = {{"storage", "connected"}, {"postgres", "not needed"}, {"redis", "not needed"}};
  return out;
}

Task<Result<DetailedHealth>> health_detailed(Call& call) {
  App& app = call.app;
  const ListenerInfo& listener = *call.listener;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  DetailedHealth out;
  out.status = state_of(app), out.service = listener.service, out.version = version;
  out.timestamp.us = app.clock.wall(), out.started.us = app.started_wall, out.uptime_seconds = uptime(app);
  out.loops = static_cast<int64_t>(app.loops.size());
  out.connections = static_cast<int64_t>(all->http.connections_open);
  out.requests = static_cast<int64_t>(all->http.requests);
  for (auto& shard : all->shards) {
    auto& stats = shard.stats;
    PartitionHealth& part = out.partitions.emplace_back();
    part.partition = shard.partition, part.writable = stats.writable;
    part.applied_lsn = static_cast<int64_t>(stats.applied_lsn),
    part.durable_lsn = static_cast<int64_t>(stats.durable_lsn);
    part.events = static_cast<int64_t>(stats.events);
    part.rows_in_memory = static_cast<int64_t>(stats.rows),
    part.rows_dirty = static_cast<int64_t>(stats.rows_dirty);
    part.damaged = static_cast<int64_t>(shard.keeper.damaged_places());
    part.holes = static_cast<int64_t>(shard.keeper.scrub.holes);
    if (stats.sync.count)
      part.sync_ms_mean =
          static_cast<double>(stats.sync.total_us) / static_cast<double>(stats.sync.count) / 1000;
    if (!part.writable && !app.draining) out.status = "degraded";
  }
  out.models = call.here.models->names();
  co_return out;
}

// The same for internal callers, where `cart` documents it.
Task<Result<DetailedHealth>> internal_health_detailed(Call& call) { return health_detailed(call); }

Result<Readiness> ready(Call& call) {
  if (call.app.draining) return Error::shutting_down;
  return Readiness{};
}

Result<Version> show_version(Call&) {
  Version out;
  out.version = version, out.compiler = build_compiler;
  return out;
}

Task<Result<Status>> status(Call& call) {
  Result<Snapshot> all = co_await take_snapshot(call.app);
  if (!all.ok()) co_return all.problem();
  Status out;
  out.status = state_of(call.app), out.service = call.listener->service, out.version = version;
  out.uptime_seconds = uptime(call.app), out.timestamp.us = call.app.clock.wall();
  out.requests_total = static_cast<int64_t>(all->http.requests);
  out.events_refused = static_cast<int64_t>(all->intake_refused);
  for (auto& shard : all->shards) {
    out.events_total += static_cast<int64_t>(shard.stats.events);
    out.predictions_total += static_cast<int64_t>(shard.predictions.predictions);
  }
  co_return out;
}

// All services of the documentation are one process: its health is the system's.
Task<Result<DetailedHealth>> system_health(Call& call) { return health_detailed(call); }

Task<Result<ConnectionsStatus>> connections_status(Call& call) {
  App& app = call.app;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  const HttpCounters& http = all->http;
  ConnectionsStatus out;
  out.status = state_of(app), out.timestamp.us = app.clock.wall();
  out.sockets_open = static_cast<int64_t>(http.sockets_open), out.sockets_opened = static_cast<int64_t>(http.sockets_opened);
  out.messages_in = static_cast<int64_t>(http.socket_messages_in);
  out.messages_out = static_cast<int64_t>(http.socket_messages_out);
  out.messages_dropped = static_cast<int64_t>(http.socket_messages_dropped);
  out.connections_open = static_cast<int64_t>(http.connections_open);
  co_return out;
}

constexpr Route health_table[] = {
    {Method::GET, "/health", Role::anyone, handler<health>, {.summary = "Alive, and since when", .counted = Counted::not_at_all}},
    {Method::GET,
     "/health/detailed",
     Role::anyone,
     handler<health_detailed>,
     {.summary = "The state of every part", .counted = Counted::not_at_all}},
    {Method::GET,
     "/internal/health/detailed",
     Role::anyone,
     handler<internal_health_detailed>,
     {.summary = "The state of every part", .counted = Counted::not_at_all}},
    {Method::GET,
     "/api/health/system",
     allow(Role::operator_, Role::service),
     handler<system_health>,
     {.summary = "The state of every part of the whole system"}},
    {Method::GET,
     "/connections/status",
     Role::anyone,
     handler<connections_status>,
     {.summary = "How many WebSockets there are, and what went over them", .counted = Counted::not_at_all}},
    {Method::GET,
     "/ready",
     Role::anyone,
     handler<ready>,
     {.summary = "For load balancers: 503 while draining", .counted = Counted::not_at_all}},
    {Method::GET, "/version", Role::anyone, handler<show_version>, {.summary = "What runs here", .counted = Counted::not_at_all}},
    {Method::GET, "/status", Role::anyone, handler<status>, {.summary = "Totals since the start", .counted = Counted::not_at_all}},
    {Method::GET,
     "/metrics",
     Role::anyone,
     handler<metrics>,
     {.summary = "Prometheus text; OpenMetrics or the producer's JSON by Accept", .produces = "text/plain", .counted = Counted::not_at_all}},
};
static_assert(well_formed(health_table));

}  // namespace

RouteTable routes::health() { return {System::cart, health_table}; }

}  // namespace headrace
