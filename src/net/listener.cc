// Accepting, sweeping through the connections for timeouts, draining, ending.
#include "src/net/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "src/net/connection.h"
#include "src/net/http_home.h"
#include "src/net/socket.h"
#include "src/net/tls_context.h"

namespace headrace {
namespace {

// Often enough for the shortest timeout, at most ten times a second in production.
Micros sweep_period(const HttpOptions& options) {
  Micros shortest = std::min({options.headers_timeout_us, options.body_timeout_us, options.idle_timeout_us,
                              options.write_timeout_us, options.drain_idle_us, options.linger_timeout_us,
                              options.socket_ping_us, options.socket_pong_us, options.socket_close_us,
                              options.handshake_timeout_us});
  return std::clamp(shortest / 4, Micros{5'000}, Micros{100'000});
}

Problem uv_problem(const char* what, int code) {
  return {Error::bad_configuration, "listen", std::string(what) + ": " + uv_strerror(code)};
}

// What browsers are to know of a server on the open internet.
std::string lines_over_tls(Micros strict_transport) {
  if (strict_transport <= 0) return {};
  return "Strict-Transport-Security: max-age=" + std::to_string(strict_transport / second_us) + "\r\n";
}

}  // namespace

HttpCounters& HttpCounters::operator+=(const HttpCounters& other) {
  static constexpr uint64_t HttpCounters::*all[] = {
      &HttpCounters::connections_accepted, &HttpCounters::connections_open,   &HttpCounters::connections_refused,
      &HttpCounters::accept_errors,        &HttpCounters::requests,           &HttpCounters::replies,
      &HttpCounters::bytes_in,             &HttpCounters::bytes_out,          &HttpCounters::protocol_errors,
      &HttpCounters::timeouts,             &HttpCounters::slow_readers,       &HttpCounters::abandoned,
      &HttpCounters::handshakes,           &HttpCounters::handshakes_resumed, &HttpCounters::handshakes_failed,
      &HttpCounters::handshakes_refused,   &HttpCounters::handshakes_under_way, &HttpCounters::tls_failures,
      &HttpCounters::tls_truncations,      &HttpCounters::sockets_opened,     &HttpCounters::sockets_open,
      &HttpCounters::socket_messages_in,   &HttpCounters::socket_messages_out, &HttpCounters::socket_messages_dropped};
  static_assert(sizeof all / sizeof *all * sizeof(uint64_t) == sizeof(HttpCounters));
  for (auto member : all) this->*member += other.*member;
  return *this;
}

void StreamHandle::open(Loop& loop, bool is_pipe) {
  CHECK((is_pipe ? uv_pipe_init(loop.uv(), &pipe, 0) : uv_tcp_init(loop.uv(), &tcp)) == 0);
}

HttpHome::HttpHome(Loop& on, HttpHandler& to, const HttpOptions& given)
    : loop(on),
      handler(to),
      options(given),
      read_buffer(std::make_unique<char[]>(limits::read_bytes + limits::padding_bytes)),
      handshakes(*this) {
  if (options.tls) {
    CHECK(options.workers != nullptr);
    unsealed = std::make_unique<char[]>(Tls::room_for(limits::sealed_bytes_max) + limits::padding_bytes);
    secure_lines = lines_over_tls(options.strict_transport_us);
  }
  resume_hook = loop.at_end_of_iteration(Stage::input, [this] { resume_all(); });
  flush_hook = loop.at_end_of_iteration(Stage::output, [this] { flush_all(); });
}

Result<Done> HttpHome::listen(int socket) {
  std::signal(SIGPIPE,
              SIG_IGN);  // libuv writes without MSG_NOSIGNAL; a client that left is an error code to us
  is_pipe = is_unix(socket);
  listening.open(loop, is_pipe);
  listening.handle()->data = this;
  is_listening = true;
  ++handles;
  int opened = is_pipe ? uv_pipe_open(&listening.pipe, socket) : uv_tcp_open(&listening.tcp, socket);
  if (opened != 0) {
    ::close(socket);
    return uv_problem("uv_tcp_open", opened);
  }
  port = port_of(socket);
  auto arrived = [](uv_stream_t* server, int status) {
    auto* home = static_cast<HttpHome*>(server->data);
    status == 0 ? home->accept_one() : void(++home->counters.accept_errors);
  };
  int code = uv_listen(listening.stream(), limits::accept_backlog, arrived);
  if (code != 0) return uv_problem("uv_listen", code);
  return Done{};
}

void HttpHome::stop_listening() {
  if (!std::exchange(is_listening, false)) return;
  uv_close(listening.handle(),
           [](uv_handle_t* handle) { static_cast<HttpHome*>(handle->data)->handle_closed(); });
}

void HttpHome::accept_one() {
  Connection::accept(*this, listening.stream());
  if (connections.empty() || std::exchange(sweeping, true)) return;
  sweep_timer = Timer::every(loop, sweep_period(options), [this] { sweep(); });
}

// By index, and the lists may grow or get holes meanwhile.
void HttpHome::resume_all() {
  for (size_t i = 0; i < to_resume.size(); ++i) {
    if (to_resume[i] != nullptr) to_resume[i]->resume();
  }
  to_resume.clear();
}

void HttpHome::flush_all() {
  for (size_t i = 0; i < to_flush.size(); ++i) {
    if (to_flush[i] != nullptr) to_flush[i]->flush();
  }
  to_flush.clear();
}

// An eighth of the connections at a time, so that 20,000 of them do not stall the loop.
void HttpHome::sweep() {
  size_t count = draining ? connections.size() : std::max<size_t>(64, connections.size() / 8 + 1);
  for (; count > 0 && !connections.empty(); --count) {
    if (sweep_at >= connections.size()) sweep_at = 0;
    Connection* connection = connections[sweep_at];
    connection->look_at_clock(loop.now());
    if (sweep_at < connections.size() && connections[sweep_at] == connection) ++sweep_at;
  }
  if (!connections.empty()) return;
  sweeping = false;
  sweep_timer.cancel();
}

void HttpHome::cut_all() {
  while (!connections.empty()) connections.back()->cut();
}

void HttpHome::orphan() {
  resume_hook = {};
  flush_hook = {};
  sweep_timer.cancel();
  orphaned = true;
  cut_all();
  stop_listening();
  if (handles == 0) delete this;
}

void HttpHome::handle_closed() {
  --handles;
  closings.advance(closings.value() + 1);
  if (handles == 0 && orphaned) delete this;
}

// --- the surface

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const std::string& host, uint16_t port,
                                                 HttpHandler& handler, const HttpOptions& options) {
  auto socket = bound_socket(host, port, true);
  if (!socket.ok()) return socket.problem();
  return open(loop, *socket, handler, options);
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, int socket, HttpHandler& handler,
                                                 const HttpOptions& options) {
  std::unique_ptr<Listener> listener(new Listener(*new HttpHome(loop, handler, options)));
  if (auto listening = listener->home_.listen(socket); !listening.ok()) return listening.problem();
  return listener;
}

Result<std::unique_ptr<Listener>> Listener::again() const {
  uv_os_fd_t socket = -1;
  if (int code = uv_fileno(home_.listening.handle(), &socket); code != 0) return uv_problem("uv_fileno", code);
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Problem{Error::overloaded, "listeners", "no descriptor is left"};
  return open(home_.loop, copy, home_.handler, home_.options);
}

Listener::~Listener() { home_.orphan(); }

uint16_t Listener::port() const { return home_.port; }

const HttpCounters& Listener::counters() const { return home_.counters; }

Task<void> Listener::drain() {
  HttpHome& home = home_;
  home.draining = true;
  home.draining_since = home.loop.now();
  co_await sleep(1'000);  // the loop turns: what waits in the backlog is accepted
  home.stop_listening();
  Timer limit = Timer::after(home.loop, home.options.drain_timeout_us, [&home] { home.cut_all(); });
  while (!home.connections.empty()) co_await home.closings.at_least(home.closings.value() + 1);
}

}  // namespace headrace
