// The state of services and parts, under the paths that `cart`, `learning` and `predict` document.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/system/health_state.h"
#include "routes/system/snapshot.h"
#include "routes/tables.h"
#include "src/base/log.h"
#include "src/base/version.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

struct PipelineStatus {
  std::string status = "healthy";
  Timestamp timestamp;
  int64_t events_total = 0, duplicates_total = 0, refused_total = 0, records_not_durable = 0;
  double ack_ms_mean = 0;
  bool writable = true;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &PipelineStatus::status, "degraded while writes are refused or stored data is damaged"),
        field("timestamp", &PipelineStatus::timestamp, "Now, UTC"),
        field("events_total", &PipelineStatus::events_total, "Taken in since the start"),
        field("duplicates_total", &PipelineStatus::duplicates_total, "Whose id was seen before"),
        field("refused_total", &PipelineStatus::refused_total, "Events or batches that broke a rule"),
        field("records_not_durable", &PipelineStatus::records_not_durable, "Applied, and waiting for the disk"),
        field("ack_ms_mean", &PipelineStatus::ack_ms_mean, "From a request with events to its ack, since the start"),
        field("writable", &PipelineStatus::writable, "False while a partition refuses writes")};
  }
};

struct ModelsHealth {
  std::string status = "healthy";
  Timestamp timestamp;
  std::map<std::string, std::string> models;
  int64_t predictions_total = 0;
  double cache_hit_ratio = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &ModelsHealth::status, "In a word"), field("timestamp", &ModelsHealth::timestamp, "Now, UTC"),
        field("models", &ModelsHealth::models, "Each model that is loaded, by name"),
        field("predictions_total", &ModelsHealth::predictions_total, "Cart predictions since the start"),
        field("cache_hit_ratio", &ModelsHealth::cache_hit_ratio, "Of them, answered from the cache")};
  }
};

struct PartitionUsage {
  int64_t partition = 0, log_written_bytes = 0, records = 0, segments_sealed = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("partition", &PartitionUsage::partition, "Number of the partition"),
        field("log_written_bytes", &PartitionUsage::log_written_bytes, "Written to its log since the start"),
        field("records", &PartitionUsage::records, "Written since the start"),
        field("segments_sealed", &PartitionUsage::segments_sealed, "Segments no longer written to")};
  }
};

struct StorageUsage {
  Timestamp timestamp;
  int64_t disk_bytes = 0, disk_free_bytes = 0;
  double used_ratio = 0;
  std::vector<PartitionUsage> partitions;
  static constexpr auto shape() {
    return std::tuple{
        field("timestamp", &StorageUsage::timestamp, "Now, UTC"),
        field("disk_bytes", &StorageUsage::disk_bytes, "Size of the file system that holds the data"),
        field("disk_free_bytes", &StorageUsage::disk_free_bytes, "Of them, free"),
        field("used_ratio", &StorageUsage::used_ratio, "Of them, in use by anybody"),
        field("partitions", &StorageUsage::partitions, "One per partition")};
  }
};

struct ServiceStatus {
  std::string service, url, status;
  static constexpr auto shape() {
    return std::tuple{field("service", &ServiceStatus::service, "The name the listener goes by"),
                      field("url", &ServiceStatus::url, "Where it listens"),
                      field("status", &ServiceStatus::status, "In a word")};
  }
};

struct ServicesStatus {
  std::string status = "healthy";
  Timestamp timestamp;
  std::vector<ServiceStatus> services;
  static constexpr auto shape() {
    return std::tuple{field("status", &ServicesStatus::status, "The worst of them"),
                      field("timestamp", &ServicesStatus::timestamp, "Now, UTC"),
                      field("services", &ServicesStatus::services, "One per listener")};
  }
};

struct DiscoverService {
  std::string name;
  static constexpr auto shape() {
    return std::tuple{field("name", &DiscoverService::name, "Of the service, as its listeners go by", length(1, 64))};
  }
};

struct DiscoveredService {
  std::string name, status;
  std::vector<std::string> urls;
  static constexpr auto shape() {
    return std::tuple{field("name", &DiscoveredService::name, "Of the service"),
                      field("status", &DiscoveredService::status, "In a word"),
                      field("urls", &DiscoveredService::urls, "Where it listens, in the order of the configuration")};
  }
};

struct RestartComponents {
  std::optional<std::vector<std::string>> components;
  static constexpr auto shape() {
    return std::tuple{field("components", &RestartComponents::components,
                            "Some of listeners (drained and opened again), certificates and models (read again); all of them where none are named")};
  }
};

struct Restarted {
  std::string status;
  std::map<std::string, std::string> components;
  Timestamp timestamp;
  static constexpr auto shape() {
    return std::tuple{field("status", &Restarted::status, "restarted"),
                      field("components", &Restarted::components, "What was asked for"),
                      field("timestamp", &Restarted::timestamp, "Server time")};
  }
};

struct CachesCleared {
  std::string status = "cleared";
  std::map<std::string, int64_t> entries;
  static constexpr auto shape() {
    return std::tuple{field("status", &CachesCleared::status, "cleared"),
                      field("entries", &CachesCleared::entries, "How many each cache has forgotten")};
  }
};

struct InfrastructureStatus {
  std::string status = "healthy";
  Timestamp timestamp;
  int64_t loops = 0, partitions = 0, connections = 0, disk_free_bytes = 0;
  std::map<std::string, std::string> components;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &InfrastructureStatus::status, "In a word"),
        field("timestamp", &InfrastructureStatus::timestamp, "Now, UTC"),
        field("loops", &InfrastructureStatus::loops, "Event loops, one thread each"),
        field("partitions", &InfrastructureStatus::partitions, "Of the data"),
        field("connections", &InfrastructureStatus::connections, "Open connections"),
        field("disk_free_bytes", &InfrastructureStatus::disk_free_bytes, "Of the file system that holds the data"),
        field("components", &InfrastructureStatus::components, "healthy or degraded: log, state, disk")};
  }
};

struct LearningServices {
  std::string database, cache;
  std::map<std::string, std::string> microservices;
  static constexpr auto shape() {
    return std::tuple{
        field("database", &LearningServices::database, "The log and the state"),
        field("cache", &LearningServices::cache, "Rows in memory"),
        field("microservices", &LearningServices::microservices, "The services of this server's listeners")};
  }
};

struct LearningHealth {
  std::string status = "healthy";
  Timestamp timestamp;
  int64_t uptime = 0;
  std::string environment;
  LearningServices services;
  static constexpr auto shape() {
    return std::tuple{field("status", &LearningHealth::status, "In a word"),
                      field("timestamp", &LearningHealth::timestamp, "Now, UTC"),
                      field("uptime", &LearningHealth::uptime, "Seconds since the start"),
                      field("environment", &LearningHealth::environment, "As configured"),
                      field("services", &LearningHealth::services, "What it stands on")};
  }
};

struct ApiHealth {
  std::string status = "healthy";
  Timestamp timestamp;
  std::string version;
  static constexpr auto shape() {
    return std::tuple{field("status", &ApiHealth::status, "In a word"), field("timestamp", &ApiHealth::timestamp, "Now, UTC"),
                      field("version", &ApiHealth::version, "Version of the program")};
  }
};

Timestamp now(const App& app) { return {app.clock.wall(), false}; }

struct Disk {
  uint64_t bytes = 0, free_bytes = 0;
};

Disk disk_of(const App& app) {
  struct statvfs found = {};
  if (::statvfs(app.data.c_str(), &found) != 0) return {};
  return {found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize};
}

bool all_writable(const Snapshot& all) {
  return std::ranges::all_of(all.shards, [](auto& shard) { return shard.stats.writable; });
}

Task<Result<PipelineStatus>> pipeline_status(Call& call) {
  App& app = call.app;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  PipelineStatus out;
  out.writable = all_writable(*all);
  out.status = out.writable ? state_of(app) : "degraded";
  out.timestamp = now(app);
  out.refused_total = static_cast<int64_t>(all->intake_refused);
  for (auto& shard : all->shards) {
    out.events_total += static_cast<int64_t>(shard.stats.events);
    out.duplicates_total += static_cast<int64_t>(shard.stats.duplicates);
    out.records_not_durable += static_cast<int64_t>(shard.stats.applied_lsn - shard.stats.durable_lsn);
  }
  if (all->intake.count)
    out.ack_ms_mean = static_cast<double>(all->intake.total_us) / static_cast<double>(all->intake.count) / 1000;
  co_return out;
}

Task<Result<ModelsHealth>> models_health(Call& call) {
  App& app = call.app;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  ModelsHealth out;
  out.timestamp = now(app);
  for (auto& name : call.here.models->names()) out.models[name] = "loaded";
  uint64_t hits = 0, misses = 0;
  for (auto& shard : all->shards) {
    out.predictions_total += static_cast<int64_t>(shard.predictions.predictions);
    hits += shard.predictions.cache_hits, misses += shard.predictions.cache_misses;
  }
  out.cache_hit_ratio = ratio(hits, hits + misses);
  co_return out;
}

Task<Result<StorageUsage>> storage_usage(Call& call) {
  App& app = call.app;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  StorageUsage out;
  out.timestamp = now(app);
  const Disk disk = disk_of(app);
  out.disk_bytes = static_cast<int64_t>(disk.bytes), out.disk_free_bytes = static_cast<int64_t>(disk.free_bytes);
  out.used_ratio = ratio(disk.bytes - disk.free_bytes, disk.bytes);
  for (auto& shard : all->shards)
    out.partitions.push_back({shard.partition, static_cast<int64_t>(shard.stats.partition.bytes_written),
                              static_cast<int64_t>(shard.stats.partition.records),
                              static_cast<int64_t>(shard.keeper.sealed)});
  co_return out;
}

// The services of one server are as well as it is.
Result<ServicesStatus> services_status(Call& call) {
  ServicesStatus out;
  out.status = state_of(call.app);
  out.timestamp = now(call.app);
  for (auto& listener : call.app.listeners) out.services.push_back({listener.service, listener.url, out.status});
  return out;
}

Result<DiscoveredService> discover_service(Call& call, const DiscoverService& want) {
  DiscoveredService out;
  out.name = want.name, out.status = state_of(call.app);
  for (auto& listener : call.app.listeners)
    if (listener.service == want.name) out.urls.push_back(listener.url);
  if (out.urls.empty()) return Problem{Error::not_found, "name", "no listener goes by it"};
  return out;
}

size_t clear_here(Predictions* predictions) { return predictions->clear_cache(); }

Task<Result<CachesCleared>> clear_caches(Call& call) {
  App& app = call.app;
  CachesCleared out;
  int64_t& forgotten = out.entries["predictions"];
  for (uint32_t p = 0; p < app.shards.count(); ++p) {
    auto cleared = co_await ask(app.shards[p].loop(), clear_here, app.predictions[p].get());
    if (!cleared.ok()) co_return cleared.problem();
    forgotten += static_cast<int64_t>(*cleared);
  }
  log_line(Level::info, "caches_cleared", {{"predictions", forgotten}});
  co_return out;
}

// In the order of the table; the first that fails is what is answered, and those before it are done.
Task<Result<Restarted>> restart_components(Call& call, RestartComponents want) {
  App& app = call.app;
  Restarted out;
  for (const std::string& name : want.components.value_or(std::vector<std::string>{}))
    if (std::ranges::find(app.components, name, &Component::name) == app.components.end())
      co_return Problem{Error::invalid_input, "components", fmt::format("\"{}\" is no component", name)};
  for (const Component& component : app.components) {
    std::string name(component.name);
    if (want.components && std::ranges::find(*want.components, name) == want.components->end()) continue;
    Result<> done = co_await component.restart();
    if (!done.ok()) co_return done.problem();
    log_line(Level::info, "component_restarted", {{"component", std::string_view(name)}});
    out.components[name] = "restarted";
  }
  out.status = "restarted", out.timestamp = now(app);
  co_return out;
}

Task<Result<InfrastructureStatus>> infrastructure_status(Call& call) {
  App& app = call.app;
  Result<Snapshot> all = co_await take_snapshot(app);
  if (!all.ok()) co_return all.problem();
  InfrastructureStatus out;
  const bool writable = all_writable(*all), whole = !damaged(app);
  out.status = writable ? state_of(app) : "degraded";
  out.timestamp = now(app);
  out.loops = static_cast<int64_t>(app.loops.size()), out.partitions = static_cast<int64_t>(all->shards.size());
  out.connections = static_cast<int64_t>(all->http.connections_open);
  out.disk_free_bytes = static_cast<int64_t>(disk_of(app).free_bytes);
  out.components = {{"log", whole ? "healthy" : "degraded"},
                    {"state", whole ? "healthy" : "degraded"},
                    {"disk", writable ? "healthy" : "degraded"}};
  co_return out;
}

Result<LearningHealth> learning_health(Call& call) {
  LearningHealth out;
  out.status = state_of(call.app);
  out.timestamp = now(call.app);
  out.uptime = (call.app.clock.wall() - call.app.started_wall) / second_us;
  out.environment = call.app.environment;
  out.services.database = damaged(call.app) ? "degraded" : "healthy";
  out.services.cache = "healthy";
  for (auto& listener : call.app.listeners) out.services.microservices[listener.service] = out.status;
  return out;
}

Result<ApiHealth> api_health(Call& call) { return ApiHealth{state_of(call.app), now(call.app), std::string(version)}; }

constexpr Route services_table[] = {
    {Method::GET, "/pipeline/status", Role::anyone, handler<pipeline_status>,
     {.summary = "How the intake of events does", .counted = Counted::not_at_all}},
    {Method::GET, "/models/health", Role::anyone, handler<models_health>,
     {.summary = "Which models are loaded", .counted = Counted::not_at_all}},
    {Method::GET, "/storage/usage", Role::service, handler<storage_usage>, {.summary = "What the disk holds"}},
    {Method::GET, "/status/services", Role::service, handler<services_status>, {.summary = "Every listener and its service"}},
    {Method::GET,
     "/internal/services/discover/{name}",
     Role::service,
     handler<discover_service>,
     {.summary = "Where a service of this server listens"}},
    {Method::GET, "/status/infrastructure", Role::service, handler<infrastructure_status>, {.summary = "Loops, partitions, disk"}},
};
static_assert(well_formed(services_table));

constexpr Route learning_health_table[] = {
    {Method::GET, "/api/v1/health", Role::anyone, handler<learning_health>,
     {.summary = "Alive, and since when", .counted = Counted::not_at_all}},
};
static_assert(well_formed(learning_health_table));

constexpr Route api_health_table[] = {
    {Method::GET, "/monitoring/api/health", Role::anyone, handler<api_health>,
     {.summary = "Alive", .counted = Counted::not_at_all}},
    {Method::POST,
     "/api/enterprise/admin/cache/clear",
     Role::admin,
     handler<clear_caches>,
     {.summary = "Forget the predictions that would be given again"}},
    {Method::POST,
     "/api/enterprise/admin/system/restart",
     Role::admin,
     handler<restart_components>,
     {.summary = "Make parts of the server anew without losing a request"}},
};
static_assert(well_formed(api_health_table));

}  // namespace

RouteTable routes::services() { return {System::cart, services_table}; }
RouteTable routes::learning_health() { return {System::learning, learning_health_table}; }
RouteTable routes::api_health() { return {System::predict, api_health_table}; }

}  // namespace headrace
