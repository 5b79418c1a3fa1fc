// The order of starting and stopping is the whole of this file.
#include "src/server/server.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include "routes/kit/app.h"
#include "routes/tables.h"
#include "src/base/log.h"
#include "src/base/service_manager.h"
#include "src/base/version.h"
#include "src/events/thinning.h"
#include "src/features/added.h"
#include "src/identity/identity.h"
#include "src/runtime/ask.h"
#include "src/runtime/gate.h"
#include "src/runtime/signals.h"
#include "src/runtime/timer.h"
#include "src/server/dispatch.h"
#include "src/server/edge.h"
#include "src/server/live_rules.h"
#include "src/server/openapi.h"
#include "src/server/running_server.h"
#include "src/server/say.h"
#include "storage/checkpoint_store.h"

namespace headrace {
namespace {

size_t cores() { return std::max(1u, std::thread::hardware_concurrency()); }

// One per core. Of two cores the sync threads, the background and the kernel need one (docs/decisions/0005).
size_t default_loops() { return cores() == 2 ? 1 : cores(); }

// Nothing else rewrites or drops while a command works.
Config without_upkeep(Config config) {
  const Config standard;
  config.repack = false;
  config.retention_max_age = standard.retention_max_age;
  config.retention_max_bytes = standard.retention_max_bytes;
  config.retention_types.clear();
  return config;
}

}  // namespace

Result<> RunningServer::open_data(bool may_create) {
  DirectoryOptions options;
  options.create = may_create;
  size_t wanted_loops = config_.loops ? static_cast<size_t>(config_.loops) : default_loops();
  options.partitions_if_new =
      static_cast<uint32_t>(config_.partitions ? static_cast<size_t>(config_.partitions) : wanted_loops);
  auto directory = DataDirectory::open(config_.data, options);
  if (!directory.ok()) return directory.problem();
  directory_ = std::move(*directory);
  if (directory_->key_replaced())
    log_line(Level::warning, "signing_key_replaced", {{"path", std::string_view(directory_->path())}});
  auto models = config_.models.empty() ? ModelSet::embedded() : ModelSet::load(config_.models);
  if (!models.ok()) return models.problem();
  models_ = std::make_shared<const ModelSet>(std::move(*models));
  auto plan = feature_plan(config_);
  if (!plan.ok()) return plan.problem();
  // A loop without a partition would only forward; more loops than partitions are of no use.
  loops_ = std::make_unique<Loops>(std::min<size_t>(wanted_loops, directory_->partitions()));
  auto shards = Shards::open(*directory_, *loops_, *plan, shard_rules(config_), system_clock());
  if (!shards.ok()) return shards.problem();
  shards_ = std::move(*shards);
  for (uint32_t p = 0; p < shards_->count(); ++p) log_recovery((*shards_)[p].partition().recovery(), p);
  backfill_ = std::make_unique<Backfill>(*shards_, with_added(*plan), system_clock());
  keep_segments();
  return Done{};
}

// The configuration may have changed so that what was added before no longer fits: it is then left out.
std::shared_ptr<const features::Plan> RunningServer::with_added(std::shared_ptr<const features::Plan> configured) {
  auto added = features::added_definitions((*shards_)[0].partition().documents());
  if (added.ok() && added->empty()) return configured;
  Result<std::shared_ptr<const features::Plan>> all = configured;
  all = added.ok() ? features::Plan::compile(features::merge(configured_definitions(config_), *added))
                   : added.problem();
  if (all.ok()) return *all;
  std::string why = all.problem().text();
  log_line(Level::warning, "added_definitions_left_out", {{"reason", std::string_view(why)}});
  return configured;
}

void RunningServer::keep_segments() {
  std::vector<KeptPartition> partitions;
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Shard* shard = &(*shards_)[p];
    partitions.push_back({.place = directory_->place(p),
                          .settled_segment = [shard] { return shard->partition().settled_segment(); },
                          .loan = [shard] { return &shard->partition().loan(); },
                          .definitions = [this, p] { return backfill_->definitions(p); },
                          .seal = [shard] { shard->seal_soon(); }});
  }
  KeeperOptions options;
  options.repack = config_.repack;
  options.raw_segments = static_cast<size_t>(config_.raw_segments);
  options.key = &directory_->signing_key();
  options.retention = config_.retention(shards_->count());
  options.leave_out = without_expired;
  options.free_bytes_min = static_cast<uint64_t>(config_.free_bytes_min);
  options.base_every = static_cast<size_t>(config_.base_every);
  options.observe = log_rewrite;
  options.observe_base = log_base;
  options.scrub_period_us = config_.scrub_period_us();
  options.found = [](const Problem& problem) {
    log_line(Level::error, "damage_found", {{"reason", std::string_view(problem.text())}});
  };
  options.complain = [](const Problem& problem) {
    log_line(Level::warning, "keeper_put_off", {{"reason", std::string_view(problem.text())}});
  };
  keeper_ = std::make_unique<SegmentKeeper>(std::move(options), std::move(partitions));
}

Result<> RunningServer::make_keys() {
  const char* preset = std::getenv("HEADRACE_ADMIN_KEY");
  Partition& control = (*shards_)[0].partition();
  auto keys = bootstrap_admin_key(control, preset ? preset : "");
  if (!keys.ok()) return keys.problem();
  TRY_DONE(control.make_durable());
  identity_ = std::make_unique<Identity>(*shards_, *loops_, config_.identity_rules(), system_clock());
  TRY_DONE(identity_->open(keys->admins));
  made_key_ = std::move(keys->made);
  return Done{};
}

void RunningServer::make_app() {
  workers_ = std::make_unique<Offload>(limits::worker_threads, limits::worker_queue_max);
  erasures_ = std::make_unique<Erasures>(*shards_, *keeper_, *backfill_, system_clock());
  app_.reset(new App{*shards_, *keeper_, *backfill_, *erasures_, {}, *identity_, *workers_, system_clock(),
                     all_routes()});
  app_->settings = std::make_unique<Settings>(*shards_, *loops_, *identity_, config_.start_settings(),
                                              [this](size_t loop, const SharedSettings& live) { adopt(loop, live); });
  app_->credits = std::make_unique<Credits>(*shards_, *identity_);
  app_->listeners = edge_->about();
  app_->connections_max = edge_->connections_max();
  app_->data = config_.data, app_->environment = config_.environment;
  app_->definitions = configured_definitions(config_);
  app_->origins = config_.websocket_origins, app_->cors_origins = config_.cors_origins;
  if (auto proxies = config_.proxies(); proxies.ok()) proxies_ = *proxies;  // check_config has seen it
  app_->open_access = config_.auth == "open";
  app_->started_wall = system_clock().wall();
  app_->openapi = openapi_document(all_routes(), version);
  router_ = std::make_unique<Router>(all_routes());
  auto model = models_->find(cart_model_name);
  for (uint32_t p = 0; p < shards_->count(); ++p)
    app_->predictions.push_back(std::make_unique<Predictions>((*shards_)[p], model, system_clock()));
  for (size_t i = 0; i < loops_->size(); ++i) {
    auto& context =
        app_->loops.emplace_back(std::make_unique<LoopContext>((*loops_)[i], config_.access_rules()));
    context->shard = &(*shards_)[static_cast<uint32_t>(i)];
    context->credentials = &identity_->on(i);
    context->models = models_;
    context->routes.resize(router_->entries().size() + 1);
  }
  on_loop_ = std::vector<OnLoop>(loops_->size());
  app_->components = {{"listeners", [this] { return restart_listeners(); }},
                      {"certificates", [this] { return reload_certificates(); }},
                      {"models", [this] { return reload_models(); }}};
  app_->settings->open();
}

// On that loop, or before the loops run.
void RunningServer::adopt(size_t loop, const SharedSettings& live) {
  LoopContext& context = *app_->loops[loop];
  context.settings = live;
  context.access.set_rules(access_rules(*live));
  for (uint32_t p = 0; p < shards_->count(); ++p)
    if (&(*shards_)[p].loop() == &context.loop) app_->predictions[p]->set_rules(prediction_rules(*live));
  if (loop == 0) set_log_level(log_level(*live));
}

Result<> RunningServer::open() {
  TRY_DONE(open_data(true));
  TRY_DONE(make_keys());
  if (!models_->find(cart_model_name))
    return Problem{Error::model_not_found, "models",
                   fmt::format("there is no model \"{}\"", cart_model_name)};
  auto edge = Edge::open(config_, loops_->size(), directory_->partitions());
  if (!edge.ok()) return edge.problem();
  edge_ = std::move(*edge);
  make_app();
  return Done{};
}

void RunningServer::fail(const Problem& problem) {
  std::lock_guard lock(mutex_);
  if (outcome_.ok()) outcome_ = problem;
}

// Takes requests once what recovery found unsent has reached its targets: a prediction sees every acked
// event.
Task<void> RunningServer::listen(Loop& loop, std::latch& listening) {
  auto wait = [](Shard* shard) -> Task<void> { co_await shard->acked().at_least(shard->recovered_lsn()); };
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Result<> sent = co_await ask((*shards_)[p].loop(), wait, &(*shards_)[p]);
    CHECK(sent.ok());  // nothing else is under way yet
  }
  OnLoop& mine = on_loop_[loop.index()];
  auto listeners = edge_->listen(loop, *mine.dispatch);
  if (listeners.ok()) {
    mine.listeners = std::move(*listeners);
    for (auto& listener : mine.listeners) app_->loops[loop.index()]->http.push_back(&listener->counters());
  } else {
    fail(listeners.problem());
    loops_->stop();
  }
  listening.count_down();
}

void RunningServer::start_shards(Loop& loop) {
  for (uint32_t p = 0; p < shards_->count(); ++p)
    if (&(*shards_)[p].loop() == &loop) (*shards_)[p].start();
}

// The life of one loop's thread.
void RunningServer::live(Loop& loop, std::latch& listening) {
  LoopContext& context = *app_->loops[loop.index()];
  OnLoop& mine = on_loop_[loop.index()];
  mine.dispatch = std::make_unique<Dispatch>(*app_, context, *router_, proxies_);
  std::optional<Signals> signals;  // before anybody hears that it listens
  std::vector<int> watched = {SIGTERM, SIGINT};
  if (edge_->has_tls()) watched.push_back(SIGHUP);
  if (loop.index() == 0) signals.emplace(loop, watched, [this](int signal) { signalled(signal); });
  start_shards(loop);
  spawn(listen(loop, listening));
  if (loop.index() == 0) {
    identity_->start();
    erasures_->when_applied([this] { spawn(identity_->tell_gone()); });
    spawn(erasures_->resume());
  }
  loop.run();
  signals.reset();
  mine.listeners.clear();
}

void RunningServer::announce() const {
  if (!made_key_.empty()) show_new_key(made_key_);
  const bool plain = app_->listeners.size() == 1 && app_->listeners[0].service == default_service;
  for (const ListenerInfo& one : app_->listeners)
    fmt::print(stderr, "listening on {}{}\n", one.url, plain ? "" : " (" + one.service + ")");
  show_example(app_->listeners.front().url, made_key_);
  std::fflush(stderr);
  tell_service_manager("READY=1");
}

void RunningServer::signalled(int signal) {
  if (signal != SIGHUP) return stop_once(signal);
  spawn(reload());
}

// While it starts the first signal ends the process at once, while it drains the second; the log makes that safe.
void RunningServer::stop_once(int signal) {
  if (!listening_.load()) {
    flush_log();
    ::signal(signal, SIG_DFL);
    (void)::raise(signal);
  }
  if (app_->draining.exchange(true)) {
    flush_log();
    std::_Exit(130);
  }
  log_line(Level::info, "drain_started");
  tell_service_manager("STOPPING=1");
  spawn(shut_down());
}

// Each step is tried on, in the order that loses nothing: no new requests, nothing on its way, closed files.
Task<void> RunningServer::shut_down() {
  backfill_->stop();
  auto drain = [](OnLoop* mine) -> Task<void> {
    co_await mine->retiring.close();
    co_await drain_all(mine->listeners);
  };
  auto stop_followers = [](LoopContext* context) -> Task<void> { return context->followers.close(); };
  for (size_t i = 0; i < loops_->size(); ++i) {
    Result<> drained = co_await ask((*loops_)[i], drain, &on_loop_[i]);
    if (!drained.ok()) fail(drained.problem());
    Result<> followed = co_await ask((*loops_)[i], stop_followers, app_->loops[i].get());
    if (!followed.ok()) fail(followed.problem());
  }
  auto stop = [](Erasures* erasures) -> Task<void> { return erasures->stop(); };
  Result<> stopped = co_await ask(erasures_->loop(), stop, erasures_.get());
  if (!stopped.ok()) fail(stopped.problem());
  auto stop_identity = [](Identity* identity) -> Task<void> { return identity->stop(); };
  stopped = co_await ask(identity_->loop(), stop_identity, identity_.get());
  if (!stopped.ok()) fail(stopped.problem());
  co_await close_shards();
  log_line(Level::info, "drain_finished");
  loops_->stop();
}

Task<void> RunningServer::close_shards() {
  auto settle = [](Shard* shard) -> Task<void> { return shard->settle(); };
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Result<> settled = co_await ask((*shards_)[p].loop(), settle, &(*shards_)[p]);
    if (!settled.ok()) fail(settled.problem());
  }
  auto close = [](Shard* shard) { return shard->close(); };
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Result<> closed = co_await ask((*shards_)[p].loop(), close, &(*shards_)[p]);
    if (!closed.ok()) fail(closed.problem());
  }
}

// For commands on a stopped directory: everything but the listener.
Result<> RunningServer::run_offline(Task<void> (RunningServer::*work)()) {
  TRY_DONE(open_data(false));
  erasures_ = std::make_unique<Erasures>(*shards_, *keeper_, *backfill_, system_clock());
  loops_->start([&](Loop& loop) {
    start_shards(loop);
    if (loop.index() == 0) spawn(work_and_stop(work));
    loop.run();
  });
  loops_->join();
  return outcome_;
}

Task<void> RunningServer::work_and_stop(Task<void> (RunningServer::*work)()) {
  co_await (this->*work)();
  co_await close_shards();
  loops_->stop();
}

Task<void> RunningServer::erase() {
  co_await erasures_->resume();
  erased = co_await erasures_->begin(user, tenant);
  while (erased.ok() && erased->state != "done" && erased->problem.empty()) {
    co_await sleep(10'000);
    erased = co_await erasures_->find(erased->id);
  }
}

Task<void> RunningServer::compact() {
  auto compact_one = [](Shard* shard) -> Task<Result<>> { return shard->compact(); };
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Result<> done = co_await ask((*shards_)[p].loop(), compact_one, &(*shards_)[p]);
    if (!done.ok()) fail(done.problem());
  }
}

Result<> RunningServer::serve() {
  std::latch listening(static_cast<std::ptrdiff_t>(loops_->size()));
  loops_->start([&](Loop& loop) { live(loop, listening); });
  listening.wait();
  listening_ = true;
  if (outcome_.ok()) announce();
  backfill_->start([this](Micros at_most_us) { return keeper_->settle(at_most_us); });
  loops_->join();
  backfill_->stop();
  return outcome_;
}

Result<> RunningServer::run() {
  signal(SIGPIPE, SIG_IGN);
  // Buffers of batches come and go: giving their pages back to the kernel each time costs more than holding
  // them.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  TRY_DONE(open());
  return serve();
}

std::vector<features::Definition> configured_definitions(const Config& config) {
  std::vector<features::Definition> definitions = features::default_definitions();
  definitions.insert(definitions.end(), config.features.begin(), config.features.end());
  return definitions;
}

Result<std::shared_ptr<const features::Plan>> feature_plan(const Config& config) {
  return features::Plan::compile(configured_definitions(config));
}

ShardRules shard_rules(const Config& config) {
  return {.dedup = {config.dedup_window_us(), static_cast<size_t>(config.dedup_memory_mib) << 20},
          .row_bytes_max = static_cast<size_t>(config.row_memory_mib) << 19,
          .segment_bytes = static_cast<size_t>(config.segment_bytes),
          .free_bytes_min = static_cast<uint64_t>(config.free_bytes_min)};
}

Result<> run_server(const Config& config) {
  RunningServer server(config);
  return server.run();
}

Result<Erasure> run_erasure(const Config& config, const std::string& user, const std::string& tenant) {
  const Config quiet = without_upkeep(config);
  RunningServer server(quiet);
  server.user = user, server.tenant = tenant;
  TRY_DONE(server.run_offline(&RunningServer::erase));
  return server.erased;
}

Result<> run_compaction(const Config& config) {
  const Config quiet = without_upkeep(config);
  RunningServer server(quiet);
  return server.run_offline(&RunningServer::compact);
}

}  // namespace headrace
