// Parts of a server that are made anew while it serves.
#include <fmt/format.h>

#include "src/base/log.h"
#include "src/runtime/ask.h"
#include "src/runtime/timer.h"
#include "src/server/running_server.h"

namespace headrace {
namespace {

Task<void> drain_one(Listener& listener, Gate::Pass) { co_await listener.drain(); }

}  // namespace

// Side by side: each may take its time.
Task<void> RunningServer::drain_all(const std::vector<std::unique_ptr<Listener>>& listeners) {
  Gate draining;
  for (auto& listener : listeners) spawn(drain_one(*listener, *draining.enter()));
  co_await draining.close();
}

// Files are read by a worker: no request waits for them.
Task<Result<>> RunningServer::reload_certificates() {
  auto read = [](const Edge* edge) { edge->reload_certificates(); };
  co_return co_await offload(*workers_, +read, edge_.get());
}

Task<void> RunningServer::reload() {
  Result<> done = co_await reload_certificates();
  if (!done.ok()) log_line(Level::error, "certificate_kept", {{"reason", std::string_view("the workers are busy")}});
}

Task<Result<>> RunningServer::reload_models() {
  auto read = [](std::string directory) -> Result<ModelSet> {
    return directory.empty() ? ModelSet::embedded() : ModelSet::load(directory);
  };
  Result<ModelSet> models = co_await offload(*workers_, +read, config_.models);
  if (!models.ok()) co_return models.problem();
  if (!models->find(cart_model_name))
    co_return Problem{Error::model_not_found, "models", fmt::format("there is no model \"{}\"", cart_model_name)};
  auto shared = std::make_shared<const ModelSet>(std::move(*models));
  for (size_t i = 0; i < loops_->size(); ++i) CO_TRY_DONE(co_await ask((*loops_)[i], adopt_models, this, i, shared));
  co_return Done{};
}

void RunningServer::adopt_models(RunningServer* self, size_t loop, std::shared_ptr<const ModelSet> models) {
  LoopContext& context = *self->app_->loops[loop];
  for (uint32_t p = 0; p < self->shards_->count(); ++p)
    if (&(*self->shards_)[p].loop() == &context.loop) self->app_->predictions[p]->set_model(models->find(cart_model_name));
  context.models = std::move(models);
}

// The new listeners have the same sockets, so that nobody who waits to be accepted is lost; then the old ones are drained,
// and who asked for it does not wait for the end of their own connection.
Task<Result<>> RunningServer::restart_listeners() {
  for (size_t i = 0; i < loops_->size(); ++i) CO_TRY_DONE(co_await ask((*loops_)[i], reopen, this, i));
  co_return Done{};
}

Result<> RunningServer::reopen(RunningServer* self, size_t loop) {
  OnLoop& mine = self->on_loop_[loop];
  if (mine.retiring.inside() > 0) return Problem{Error::conflict, "listeners", "the restart before has not ended"};
  auto pass = mine.retiring.enter();
  if (!pass) return Error::shutting_down;
  std::vector<std::unique_ptr<Listener>> fresh;
  for (auto& old : mine.listeners) {
    auto next = old->again();
    if (!next.ok()) return next.problem();
    fresh.push_back(std::move(*next));
  }
  for (auto& one : fresh) self->app_->loops[loop]->http.push_back(&one->counters());
  mine.listeners.swap(fresh);
  spawn(retire(self, loop, std::move(fresh), std::move(*pass)));
  return Done{};
}

Task<void> RunningServer::retire(RunningServer* self, size_t loop, std::vector<std::unique_ptr<Listener>> old, Gate::Pass) {
  co_await drain_all(old);
  co_await sleep(0);  // out of the call of the last connection that closed, which is the listener's
  LoopContext& context = *self->app_->loops[loop];
  for (auto& one : old) {
    context.http_before += one->counters();
    std::erase(context.http, &one->counters());
  }
}

}  // namespace headrace
