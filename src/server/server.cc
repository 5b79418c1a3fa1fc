// The order of starting and stopping is the whole of this file.
#include "src/server/server.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <thread>

#include "routes/kit/app.h"
#include "routes/tables.h"
#include "src/base/log.h"
#include "src/base/version.h"
#include "src/identity/keys.h"
#include "src/runtime/ask.h"
#include "src/runtime/signals.h"
#include "src/server/dispatch.h"
#include "src/server/openapi.h"

namespace headrace {
namespace {

size_t cores() { return std::max(1u, std::thread::hardware_concurrency()); }

// Waits, on a thread that is no loop, until everything in `partition` is on disk. Before its loop runs only.
void make_durable(Partition& partition) {
  partition.hurry();
  while (partition.durable_lsn() < partition.applied_lsn()) {
    partition.pump();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    partition.synced();
  }
}

void show_new_key(const std::string& key) {
  fmt::print(stderr, "\nThe key of the administrator, shown this once (only its hash is kept):\n\n    {}\n\n",
             key);
}

void show_example(const std::string& url, const std::string& made) {
  std::string key = made.empty() ? "$HEADRACE_ADMIN_KEY" : made;
  fmt::print(stderr,
             "try:  curl -sS {}/api/events -H \"X-API-Key: {}\" -H 'Content-Type: application/json' "
             "-d '{{\"event_type\":\"page_view\",\"data\":{{\"user_id\":\"u1\",\"cart_id\":\"c1\"}}}}'\n",
             url, key);
}

// Everything of one run, in the order in which it is made.
class Server {
 public:
  explicit Server(const Config& config) : config_(config) {}

  Result<> run();

 private:
  struct OnLoop {
    std::unique_ptr<Dispatch> dispatch;
    std::unique_ptr<Listener> listener;
  };

  Result<> open();
  Result<> open_data();
  Result<> make_keys();
  void make_app();
  Result<> serve();
  void live(Loop& loop, std::latch& listening);
  Task<void> listen(Loop& loop, std::latch& listening);
  void announce() const;
  void stop_once();
  Task<void> shut_down();
  void fail(const Problem& problem);

  const Config& config_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<ModelSet> models_;
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Shards> shards_;
  std::string made_key_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<Offload> workers_;
  std::unique_ptr<App> app_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<PortReservation> port_;
  std::vector<OnLoop> on_loop_;
  std::mutex mutex_;
  Result<> outcome_ = Done{};
};

Result<> Server::open_data() {
  DirectoryOptions options;
  options.partitions_if_new = static_cast<uint32_t>(
      config_.partitions ? static_cast<size_t>(config_.partitions) : std::max<size_t>(2, cores()));
  auto directory = DataDirectory::open(config_.data, options);
  if (!directory.ok()) return directory.problem();
  directory_ = std::move(*directory);
  auto models = config_.models.empty() ? ModelSet::embedded() : ModelSet::load(config_.models);
  if (!models.ok()) return models.problem();
  models_ = std::make_unique<ModelSet>(std::move(*models));
  auto plan = feature_plan(config_);
  if (!plan.ok()) return plan.problem();
  // A loop without a partition would only forward; more loops than partitions are of no use.
  size_t wanted = config_.loops ? static_cast<size_t>(config_.loops) : cores();
  loops_ = std::make_unique<Loops>(std::min<size_t>(wanted, directory_->partitions()));
  auto shards = Shards::open(*directory_, *loops_, *plan, system_clock());
  if (!shards.ok()) return shards.problem();
  shards_ = std::move(*shards);
  return Done{};
}

Result<> Server::make_keys() {
  const char* preset = std::getenv("HEADRACE_ADMIN_KEY");
  Partition& control = (*shards_)[0].partition();
  auto keys = bootstrap_admin_key(control, preset ? preset : "");
  if (!keys.ok()) return keys.problem();
  make_durable(control);
  keys_ = std::make_unique<KeyRing>(std::move(keys->admins));
  made_key_ = std::move(keys->made);
  return Done{};
}

void Server::make_app() {
  workers_ = std::make_unique<Offload>(limits::worker_threads, limits::worker_queue_max);
  app_.reset(new App{*shards_, *models_, {}, *keys_, *workers_, system_clock(), all_routes()});
  app_->service = config_.service;
  app_->open_access = config_.auth == "open";
  app_->started_wall = system_clock().wall();
  app_->openapi = openapi_document(all_routes(), version);
  router_ = std::make_unique<Router>(all_routes());
  auto model = models_->find(cart_model_name);
  for (uint32_t p = 0; p < shards_->count(); ++p)
    app_->predictions.push_back(std::make_unique<Predictions>((*shards_)[p], model, system_clock()));
  for (size_t i = 0; i < loops_->size(); ++i) {
    auto& context = app_->loops.emplace_back(std::make_unique<LoopContext>((*loops_)[i]));
    context->shard = &(*shards_)[static_cast<uint32_t>(i)];
    context->routes.resize(router_->entries().size() + 1);
  }
  on_loop_.resize(loops_->size());
}

Result<> Server::open() {
  TRY_DONE(open_data());
  TRY_DONE(make_keys());
  if (!models_->find(cart_model_name))
    return Problem{Error::model_not_found, "models",
                   fmt::format("there is no model \"{}\"", cart_model_name)};
  make_app();
  auto port = PortReservation::take(config_.host(), static_cast<uint16_t>(config_.port()));
  if (!port.ok()) return port.problem();
  port_ = std::make_unique<PortReservation>(std::move(*port));
  return Done{};
}

void Server::fail(const Problem& problem) {
  std::lock_guard lock(mutex_);
  if (outcome_.ok()) outcome_ = problem;
}

// Takes requests once what recovery found unsent has reached its targets: a prediction sees every acked
// event.
Task<void> Server::listen(Loop& loop, std::latch& listening) {
  auto wait = [](Shard* shard) -> Task<void> { co_await shard->acked().at_least(shard->recovered_lsn()); };
  for (uint32_t p = 0; p < shards_->count(); ++p) {
    Result<> sent = co_await ask((*shards_)[p].loop(), wait, &(*shards_)[p]);
    CHECK(sent.ok());  // nothing else is under way yet
  }
  OnLoop& mine = on_loop_[loop.index()];
  auto listener = Listener::open(loop, port_->host(), port_->port(), *mine.dispatch);
  if (listener.ok()) {
    mine.listener = std::move(*listener);
    app_->loops[loop.index()]->http = &mine.listener->counters();
  } else {
    fail(listener.problem());
    loops_->stop();
  }
  listening.count_down();
}

// The life of one loop's thread.
void Server::live(Loop& loop, std::latch& listening) {
  LoopContext& context = *app_->loops[loop.index()];
  OnLoop& mine = on_loop_[loop.index()];
  mine.dispatch = std::make_unique<Dispatch>(*app_, context, *router_);
  for (uint32_t p = 0; p < shards_->count(); ++p)
    if (&(*shards_)[p].loop() == &loop) (*shards_)[p].start();
  spawn(listen(loop, listening));
  if (loop.index() == 0) {
    Signals signals(loop, [this](int) { stop_once(); });
    loop.run();
  } else {
    loop.run();
  }
  mine.listener.reset();
}

void Server::announce() const {
  std::string host = port_->host().find(':') == std::string::npos ? port_->host() : "[" + port_->host() + "]";
  std::string url = fmt::format("http://{}:{}", host, port_->port());
  if (!made_key_.empty()) show_new_key(made_key_);
  fmt::print(stderr, "listening on {}\n", url);
  show_example(url, made_key_);
  std::fflush(stderr);
}

// A second signal while draining ends the process at once; the log makes that safe.
void Server::stop_once() {
  if (app_->draining.exchange(true)) std::_Exit(130);
  log_line(Level::info, "drain_started");
  spawn(shut_down());
}

// Each step is tried on, in the order that loses nothing: no new requests, nothing on its way, closed files.
Task<void> Server::shut_down() {
  auto drain = [](OnLoop* mine) -> Task<void> { return mine->listener->drain(); };
  for (size_t i = 0; i < loops_->size(); ++i) {
    Result<> drained = co_await ask((*loops_)[i], drain, &on_loop_[i]);
    if (!drained.ok()) fail(drained.problem());
  }
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
  log_line(Level::info, "drain_finished");
  loops_->stop();
}

Result<> Server::serve() {
  std::latch listening(static_cast<std::ptrdiff_t>(loops_->size()));
  loops_->start([&](Loop& loop) { live(loop, listening); });
  listening.wait();
  if (outcome_.ok()) announce();
  loops_->join();
  return outcome_;
}

Result<> Server::run() {
  signal(SIGPIPE, SIG_IGN);
  // Buffers of batches come and go: giving their pages back to the kernel each time costs more than holding
  // them.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  TRY_DONE(open());
  return serve();
}

}  // namespace

Result<std::shared_ptr<const features::Plan>> feature_plan(const Config& config) {
  std::vector<features::Definition> definitions = features::default_definitions();
  definitions.insert(definitions.end(), config.features.begin(), config.features.end());
  return features::Plan::compile(definitions);
}

Result<> run_server(const Config& config) {
  Server server(config);
  return server.run();
}

}  // namespace headrace
