// One erasure at a time: its document, its order, and what goes on after a crash.
#include "src/events/erasure.h"

#include "codec/json.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/random.h"
#include "src/runtime/ask.h"
#include "src/runtime/timer.h"

namespace headrace {
namespace {

std::string order_key(const std::string& id, size_t number) { return id + "." + std::to_string(number); }

}  // namespace

Task<Result<Erasure>> Erasures::begin(std::string user, std::string tenant) {
  co_return co_await ask(loop(), begin_here, this, std::move(user), std::move(tenant));
}

Task<Result<Erasure>> Erasures::find(std::string id) {
  co_return co_await ask(loop(), find_here, this, std::move(id));
}

// The order is durable before anybody hears of it: from here on the id is not needed any more.
Task<Result<Erasure>> Erasures::begin_here(Erasures* self, std::string user, std::string tenant) {
  if (self->running_) co_return Problem(Error::conflict, "An erasure is running; ask again when it is done");
  if (!self->backfill_.hold())
    co_return Problem(Error::conflict, "Changed feature definitions are being folded; ask again when they are served");
  self->running_ = true;
  Subject subject = Subject::of(user);
  Erasure erasure;
  erasure.id = make_uuid(thread_random());
  erasure.begun = {self->clock_.wall(), true};
  erasure.tenant = tenant;
  Work work{.erasure = erasure, .order = std::make_shared<ErasureOrder>(ErasureOrder{std::move(tenant), subject})};
  Result<> stored = co_await self->store_order(&work);
  if (!stored) {
    self->end();
    co_return stored.problem();
  }
  log_line(Level::info, "erasure_begun", {{"erasure", std::string_view(erasure.id)}});
  spawn(self->run(erasure));
  co_return erasure;
}

Result<Erasure> Erasures::find_here(Erasures* self, std::string id) {
  auto stored = self->control().partition().documents().find(tables::erasures, id);
  if (!stored) return Problem(Error::not_found, "id", "There is no such erasure");
  return from_json<Erasure>(*stored);
}

// The document, and the order in place of what an earlier step knew of it; both durable.
Task<Result<>> Erasures::store_order(Work* work) {
  Change change;
  size_t number = 0;
  for (const std::string& payload : work->order->payloads())
    change.put(tables::erasure_orders, order_key(work->erasure.id, number++), payload);
  change.put(tables::erasures, work->erasure.id, to_json(work->erasure));
  auto done = control().partition().commit(change);
  if (!done) co_return done.problem();
  co_await control().make_durable();
  co_return Done{};
}

Task<Result<>> Erasures::store(Work* work, std::string_view state) {
  if (stopping_) co_return Error::shutting_down;
  work->erasure.state = state;
  Change change;
  change.put(tables::erasures, work->erasure.id, to_json(work->erasure));
  auto done = control().partition().commit(change);
  if (!done) co_return done.problem();
  co_await control().make_durable();
  log_line(Level::info, "erasure", {{"erasure", std::string_view(work->erasure.id)}, {"state", state}});
  co_return Done{};
}

Result<> Erasures::load_order(Work* work) {
  const Documents& documents = control().partition().documents();
  Result<> outcome = Done{};
  documents.scan(
      tables::erasure_orders, {.prefix = work->erasure.id}, [&](std::string_view, std::string_view payload) {
        auto part = ErasureOrder::decode(payload);
        if (!part) outcome = Problem(Error::storage_damaged, "erasure", "Its order does not parse");
        if (part && !work->order)
          work->order = std::make_shared<ErasureOrder>(ErasureOrder{part->tenant, part->subject});
        if (part) work->order->owned.insert(work->order->owned.end(), part->owned.begin(), part->owned.end());
        return outcome.ok();
      });
  if (outcome.ok() && !work->order) return Problem(Error::storage_damaged, "erasure", "It has no order");
  if (outcome.ok()) std::ranges::sort(work->order->owned);
  return outcome;
}

Task<void> Erasures::resume() {
  std::vector<Erasure> unfinished;
  control().partition().documents().scan(tables::erasures, {}, [&](std::string_view, std::string_view text) {
    auto erasure = from_json<Erasure>(text);
    if (erasure.ok() && erasure->state != "done" && erasure->state != "failed")
      unfinished.push_back(*erasure);
    return true;
  });
  for (Erasure& erasure : unfinished) {
    running_ = true;
    while (!backfill_.hold() && !stopping_) co_await sleep(limits::erasure_look_us);
    erasure.problem.clear();
    co_await run(std::move(erasure));
  }
}

Task<void> Erasures::stop() {
  stopping_ = true;
  while (running_) co_await sleep(limits::erasure_look_us);
}

// Where it fails the document stays at its step: the next start goes on from there.
Task<void> Erasures::run(Erasure erasure) {
  Work work{.erasure = std::move(erasure)};
  Result<> done = co_await run_steps(&work);
  if (!done && done.problem().error != Error::shutting_down) {
    work.erasure.problem = done.problem().text();
    log_line(Level::error, "erasure_failed",
             {{"erasure", std::string_view(work.erasure.id)},
              {"reason", std::string_view(work.erasure.problem)}});
    const std::string state = work.erasure.state;
    (void)co_await store(&work, state);
  }
  end();
}

void Erasures::end() {
  running_ = false;
  backfill_.release();
}

Task<Result<>> Erasures::run_steps(Work* work) {
  CO_TRY_DONE(load_order(work));
  if (work->erasure.state == "searching") CO_TRY_DONE(co_await search(work));
  if (work->erasure.state != "rewriting") {
    CO_TRY_DONE(co_await apply_and_compact(work));
  }
  CO_TRY_DONE(co_await rewrite(work));
  co_return co_await certify(work);
}

}  // namespace headrace
