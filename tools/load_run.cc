// The engine of the load generator: closed loop and open loop over one epoll.
#include "tools/load_run.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "tools/load_connection.h"
#include "tools/process_cpu.h"

namespace headrace {
namespace {

constexpr Nanos second_ns = 1'000'000'000;
constexpr Nanos drain_ns = 5 * second_ns;

Nanos to_ns(double seconds) { return static_cast<Nanos>(seconds * 1e9); }

double own_cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void merge(const LoadTally& from, LoadTally& to) {
  to.latency_ns.merge(from.latency_ns);
  to.requests += from.requests;
  to.events += from.events;
  to.failures += from.failures;
  for (const auto& [status, count] : from.failures_by_status) to.failures_by_status[status] += count;
  if (to.first_failure.empty()) to.first_failure = from.first_failure;
}

class LoadRun {
 public:
  LoadRun(const LoadPlan& plan, RequestPool& pool, const std::function<void(const LoadSecond&)>& every_second)
      : plan_(plan),
        pool_(pool),
        every_second_(every_second),
        connections_(static_cast<size_t>(plan.connections)) {}
  ~LoadRun() {
    connections_.clear();
    if (epoll_ >= 0) ::close(epoll_);
  }

  Result<LoadResult> run() {
    TRY_DONE(open_all());
    start_ = now_ns();
    measure_from_ = start_ + to_ns(plan_.warmup_s);
    sending_ = true;
    if (!open_loop()) fill_all();
    TRY_DONE(turn_until(measure_from_));
    TRY_DONE(measure());
    sending_ = false;
    note_unsent();
    TRY_DONE(drain());
    merge(second_, result_.tally);
    return std::move(result_);
  }

 private:
  bool open_loop() const { return plan_.rate > 0; }
  size_t depth() const { return static_cast<size_t>(plan_.pipeline); }
  Nanos due(uint64_t request) const { return start_ + to_ns(static_cast<double>(request) / plan_.rate); }

  Result<> open_all() {
    prctl(PR_SET_TIMERSLACK, 1);  // the default of 50 us would make every request of a fixed rate late
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_ >= 0);
    for (uint32_t i = 0; i < connections_.size(); ++i) {
      connections_[i] = std::make_unique<LoadConnection>();
      TRY_DONE(connections_[i]->open(plan_.origin, epoll_, i, plan_.upgrade));
    }
    return Done{};
  }

  Result<> measure() {
    second_ = LoadTally();
    counting_ = true;
    const auto server_before = plan_.server_pid ? cpu_seconds_of(plan_.server_pid) : std::nullopt;
    const double own_before = own_cpu_s();
    const Nanos from = now_ns(), until = from + to_ns(plan_.duration_s);
    for (int second = 1; now_ns() < until; ++second) {
      const Nanos began = now_ns();
      TRY_DONE(turn_until(std::min(until, from + static_cast<Nanos>(second) * second_ns)));
      report(second, static_cast<double>(now_ns() - began) / 1e9);
    }
    counting_ = false;
    result_.seconds = static_cast<double>(now_ns() - from) / 1e9;
    result_.client_cpu_s = own_cpu_s() - own_before;
    const auto server_after = plan_.server_pid ? cpu_seconds_of(plan_.server_pid) : std::nullopt;
    if (server_before && server_after) result_.server_cpu_s = *server_after - *server_before;
    return Done{};
  }

  void report(int second, double length_s) {
    every_second_({second, static_cast<double>(second_.requests) / length_s, &second_});
    merge(second_, result_.tally);
    second_ = LoadTally();
  }

  // A request that was due but never went out waited at least until now: leaving it out would flatter the
  // server.
  void note_unsent() {
    if (!open_loop()) return;
    const Nanos now = now_ns();
    for (; due(next_due_) < now; ++next_due_, ++result_.unsent)
      second_.latency_ns.record(now - due(next_due_));
  }

  Result<> drain() {
    const Nanos until = now_ns() + drain_ns;
    const auto busy = [](const auto& connection) { return connection->in_flight() > 0; };
    while (now_ns() < until && std::any_of(connections_.begin(), connections_.end(), busy))
      TRY_DONE(turn(std::min(until, now_ns() + second_ns / 100)));
    return Done{};
  }

  Result<> turn_until(Nanos until) {
    while (now_ns() < until) TRY_DONE(turn(until));
    return Done{};
  }

  // One round: send what is due, wait until something comes or is due, read it.
  Result<> turn(Nanos until) {
    if (open_loop() && sending_) until = std::min(until, send_due());
    epoll_event ready[256];
    const Nanos now = now_ns();
    const Nanos wait = until > now ? until - now : 0;
    const timespec timeout{static_cast<time_t>(wait / second_ns), static_cast<long>(wait % second_ns)};
    const int count = epoll_pwait2(epoll_, ready, 256, &timeout, nullptr);
    for (int i = 0; i < count; ++i) TRY_DONE(serve(ready[i]));
    return Done{};
  }

  Result<> serve(const epoll_event& event) {
    LoadConnection& connection = *connections_[event.data.u32];
    bool alive = true;
    if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      const Nanos now = now_ns();
      alive = connection.receive([&](const ReplyView& reply, Nanos since) { answered(reply, since, now); });
    }
    if (alive && sending_ && !open_loop()) fill(connection);
    if (alive && connection.flush()) return Done{};
    return reopen(connection, event.data.u32);
  }

  Result<> reopen(LoadConnection& connection, uint32_t index) {
    if (counting_ && connection.in_flight() > 0) fail(0, "the connection broke", connection.in_flight());
    TRY_DONE(connection.open(plan_.origin, epoll_, index, plan_.upgrade));
    if (sending_ && !open_loop()) fill(connection);
    connection.flush();
    return Done{};
  }

  // What was sent before the measured time says nothing in a closed loop; at a fixed rate it is part of the
  // queue.
  void answered(const ReplyView& reply, Nanos since, Nanos now) {
    if (open_loop() ? counting_ || !sending_ : since >= measure_from_) second_.latency_ns.record(now - since);
    count(reply);
  }

  void count(const ReplyView& reply) {
    if (!counting_) return;
    if (reply.status >= 300) return fail(reply.status, reply.body, 1);
    ++second_.requests;
    second_.events += events_accepted(reply, pool_.events_per_request());
  }

  void fail(int status, std::string_view what, uint64_t requests) {
    second_.failures += requests;
    second_.failures_by_status[status] += requests;
    if (second_.first_failure.empty())
      second_.first_failure = std::to_string(status) + " " + std::string(what.substr(0, 300));
  }

  void fill(LoadConnection& connection) {
    const Nanos now = now_ns();
    while (connection.in_flight() < depth()) connection.queue(pool_, now);
  }

  void fill_all() {
    for (auto& connection : connections_) {
      fill(*connection);
      connection->flush();
    }
  }

  // Sends every request that is due, each on the next connection with room; returns when to look again.
  Nanos send_due() {
    const Nanos now = now_ns();
    size_t passed = 0;
    for (; due(next_due_) <= now && passed < connections_.size(); turn_ = (turn_ + 1) % connections_.size()) {
      LoadConnection& connection = *connections_[turn_];
      passed = connection.in_flight() < depth() ? 0 : passed + 1;
      if (passed > 0) continue;
      connection.queue(pool_, due(next_due_++));
      connection.flush();
    }
    return passed > 0 ? now + second_ns : due(next_due_);  // all busy: only an answer helps
  }

  const LoadPlan& plan_;
  RequestPool& pool_;
  const std::function<void(const LoadSecond&)>& every_second_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  int epoll_ = -1;
  bool sending_ = false, counting_ = false;
  Nanos start_ = 0, measure_from_ = 0;
  uint64_t next_due_ = 0;
  size_t turn_ = 0;
  LoadTally second_;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> run_load(const LoadPlan& plan, RequestPool& pool,
                            const std::function<void(const LoadSecond&)>& every_second) {
  return std::make_unique<LoadRun>(plan, pool, every_second)->run();
}

// The answer to a batch lists every event, so the count is looked for at its two ends before in all of it.
uint64_t events_accepted(const ReplyView& reply, uint64_t per_request) {
  constexpr std::string_view name = "\"count\":";
  constexpr size_t edge = 256;
  if (per_request <= 1) return per_request;
  const std::string_view body = reply.body;
  size_t at = body.substr(0, edge).find(name);
  if (at == std::string_view::npos && body.size() > edge) {
    const size_t tail = body.substr(body.size() - edge).find(name);
    at = tail == std::string_view::npos ? body.find(name) : body.size() - edge + tail;
  }
  if (at == std::string_view::npos) return per_request;
  uint64_t count = 0;
  const char* digits = body.data() + at + name.size();
  if (digits < body.data() + body.size() && *digits == ' ') ++digits;
  std::from_chars(digits, body.data() + body.size(), count);
  return count;
}

}  // namespace headrace
