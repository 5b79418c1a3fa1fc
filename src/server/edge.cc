// From plans to listeners.
#include "src/server/edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "src/base/descriptors.h"
#include "src/base/log.h"
#include "src/server/config.h"

namespace headrace {
namespace {

// A quarter of the cores: what is left is for loops, syncs and the kernel.
size_t handshake_threads() { return std::max(1u, std::thread::hardware_concurrency() / 4); }

// What RLIMIT_NOFILE leaves for connections.
Result<std::shared_ptr<ConnectionBudget>> connection_budget(size_t partitions) {
  const size_t limit = raise_descriptor_limit();
  const size_t kept = limits::descriptors_kept + partitions * limits::descriptors_kept_per_partition;
  if (limit < kept + limits::connections_worth_starting)
    return Problem{Error::bad_configuration, "RLIMIT_NOFILE",
                   fmt::format("at most {} open files are allowed, {} partitions need {}", limit, partitions,
                               kept + limits::connections_worth_starting)};
  return std::make_shared<ConnectionBudget>(limit - kept);
}

}  // namespace

Result<std::unique_ptr<Edge>> Edge::open(const Config& config, size_t loops, size_t partitions) {
  auto budget = connection_budget(partitions);
  if (!budget.ok()) return budget.problem();
  auto plans = plan_listeners(config);
  if (!plans.ok()) return plans.problem();
  std::unique_ptr<Edge> edge(new Edge);
  edge->plans_ = std::move(*plans);
  edge->budget_ = std::move(*budget);
  edge->strict_transport_us_ = config.strict_transport_us();
  edge->websocket_ping_us_ = config.websocket_ping_us();
  for (size_t i = 0; i < edge->plans_.size(); ++i) TRY_DONE(edge->take(edge->plans_[i], i));
  if (std::ranges::any_of(edge->certificates_, [](auto& source) { return source != nullptr; }))
    edge->workers_ = std::make_unique<Offload>(
        handshake_threads(), limits::handshake_steps_max * loops * edge->plans_.size(), Offload::Priority::low);
  return edge;
}

Result<> Edge::take(const ListenPlan& plan, size_t index) {
  auto socket = ListenSocket::take(plan.address, plan.mode);
  if (!socket.ok()) return socket.problem();
  TRY_DONE(check_plaintext(plan, socket->is_public(), index));
  sockets_.push_back(std::move(*socket));
  certificates_.emplace_back();
  if (!plan.tls) return Done{};
  auto source = TlsSource::open(*plan.tls, std::make_shared<TicketKeys>(system_clock()));
  if (!source.ok()) return source.problem();
  certificates_.back() = std::move(*source);
  warn_of_age(index);
  return Done{};
}

void Edge::warn_of_age(size_t index) const {
  auto context = certificates_[index]->current();
  if (context->expires() > system_clock().wall()) return;
  const std::string where = url(index);
  log_line(Level::warning, "certificate_expired",
           {{"listener", std::string_view(where)}, {"subject", std::string_view(context->subject())}});
}

Result<std::vector<std::unique_ptr<Listener>>> Edge::listen(Loop& loop, HttpHandler& handler) const {
  std::vector<std::unique_ptr<Listener>> out;
  for (size_t i = 0; i < plans_.size(); ++i) {
    auto socket = sockets_[i].for_loop();
    if (!socket.ok()) return socket.problem();
    HttpOptions options;
    options.number = i;
    options.tls = certificates_[i];
    options.workers = workers_.get();
    options.budget = budget_;
    options.strict_transport_us = strict_transport_us_;
    options.socket_ping_us = websocket_ping_us_;
    auto listener = Listener::open(loop, *socket, handler, options);
    if (!listener.ok()) return listener.problem();
    out.push_back(std::move(*listener));
  }
  return out;
}

std::vector<ListenerInfo> Edge::about() const {
  std::vector<ListenerInfo> out;
  for (size_t i = 0; i < plans_.size(); ++i) out.push_back({plans_[i].service, url(i), certificates_[i]});
  return out;
}

std::string Edge::url(size_t listener) const {
  const Address& address = sockets_[listener].address();
  if (address.kind != Address::Kind::tcp) return address.text();
  return (certificates_[listener] ? "https://" : "http://") + address.text();
}

void Edge::reload_certificates() const {
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (!certificates_[i]) continue;
    const std::string where = url(i);
    Result<> reloaded = certificates_[i]->reload(system_clock().wall());
    if (reloaded.ok()) {
      auto context = certificates_[i]->current();
      log_line(Level::info, "certificate_reloaded",
               {{"listener", std::string_view(where)}, {"subject", std::string_view(context->subject())}});
    } else {
      const std::string why = reloaded.problem().text();
      log_line(Level::error, "certificate_kept", {{"listener", std::string_view(where)}, {"reason", std::string_view(why)}});
    }
  }
}

}  // namespace headrace
