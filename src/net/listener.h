// Listener: accepts connections on one loop. One per loop, all on the same port (SO_REUSEPORT).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/net/connection_budget.h"
#include "src/net/http.h"
#include "src/runtime/loop.h"
#include "src/runtime/task.h"

namespace headrace {

class Offload;
class TlsSource;
struct HttpHome;

// The limits of src/base/limits.h, as values, so that tests can use smaller ones.
struct HttpOptions {
  size_t target_bytes_max = limits::target_bytes_max;
  size_t header_bytes_max = limits::header_bytes_max;
  size_t header_count_max = limits::header_count_max;
  size_t pipelined_requests_max = limits::pipelined_requests_max;
  size_t connection_output_bytes_max = limits::connection_output_bytes_max;
  size_t connections_max = limits::connections_max;
  Micros headers_timeout_us = limits::headers_timeout_us;
  Micros body_timeout_us = limits::body_timeout_us;
  Micros idle_timeout_us = limits::idle_timeout_us;
  Micros write_timeout_us = limits::write_timeout_us;
  Micros drain_timeout_us = limits::drain_timeout_us;
  Micros drain_idle_us = limits::drain_idle_us;
  Micros linger_timeout_us = limits::linger_timeout_us;
  size_t linger_bytes_max = limits::linger_bytes_max;
  Micros socket_ping_us = limits::socket_ping_us;
  Micros socket_pong_us = limits::socket_pong_us;
  Micros socket_close_us = limits::socket_close_us;
  size_t socket_in_flight_bytes_max = limits::socket_in_flight_bytes_max;
  size_t socket_bytes_max = limits::socket_bytes_max;
  Micros handshake_timeout_us = limits::handshake_timeout_us;
  size_t handshakes_max = limits::handshakes_max;
  int send_buffer_bytes = 0;  // of the socket; 0: the system's choice
  size_t number = 0;          // of the listener, told with every request
  // With a source of certificates it speaks TLS; handshakes run on `workers`, which outlive the loop's run(), end before the
  // loop does (they hand over to it), and of which the queue holds limits::handshake_steps_max for each listener and loop.
  std::shared_ptr<TlsSource> tls = nullptr;
  Offload* workers = nullptr;
  std::shared_ptr<ConnectionBudget> budget = nullptr;  // of the process; none: only connections_max holds
  Micros strict_transport_us = 0;  // max-age of Strict-Transport-Security; 0: no such header
};

// Plain numbers of one loop; read them there (e.g. through ask()).
struct HttpCounters {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t connections_refused = 0;  // above connections_max
  uint64_t accept_errors = 0;
  uint64_t requests = 0;  // handed to the handler
  uint64_t replies = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t protocol_errors = 0;  // refused before the handler
  uint64_t timeouts = 0;         // headers, body, idle
  uint64_t slow_readers = 0;     // cut off while writing
  uint64_t abandoned = 0;        // exchanges nobody answered
  uint64_t sockets_opened = 0;   // connections that became WebSockets
  uint64_t sockets_open = 0;
  uint64_t socket_messages_in = 0;
  uint64_t socket_messages_out = 0;
  uint64_t socket_messages_dropped = 0;  // for slow readers
  uint64_t handshakes = 0;          // ended well
  uint64_t handshakes_resumed = 0;  // of those
  uint64_t handshakes_failed = 0;
  uint64_t handshakes_refused = 0;  // above handshakes_max
  uint64_t handshakes_under_way = 0;
  uint64_t tls_failures = 0;        // broken or unauthentic records, behind the handshake
  uint64_t tls_truncations = 0;     // clients that left without close_notify

  HttpCounters& operator+=(const HttpCounters& other);
};

// Holds a port, chosen or given, before any loop listens on it, and tells at once if somebody else listens
// there.
class PortReservation {
 public:
  // `host` is a numeric IPv4 or IPv6 address, or "localhost"; port 0 chooses one.
  static Result<PortReservation> take(const std::string& host, uint16_t port);
  PortReservation(PortReservation&& other) noexcept;
  PortReservation& operator=(PortReservation&&) = delete;
  ~PortReservation();

  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }

 private:
  PortReservation(std::string host, uint16_t port, int socket);
  std::string host_;
  uint16_t port_;
  int socket_;
};

// Operation: open on the loop's thread; drain() for a graceful end; destroy on the loop's thread
// (open connections are then cut), within run() only once it is drained. Lives on: one loop. Limits: HttpOptions.
class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const std::string& host, uint16_t port,
                                                HttpHandler& handler, const HttpOptions& options = {});
  // The same on a bound socket, which it takes over.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, int socket, HttpHandler& handler,
                                                const HttpOptions& options = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Another one on the same socket: connections that wait to be accepted go to either. On the loop's thread.
  Result<std::unique_ptr<Listener>> again() const;

  uint16_t port() const;
  const HttpCounters& counters() const;

  // Stops accepting; requests in flight are answered with Connection: close, idle connections are closed.
  // Ends when no connection is left, at the latest after drain_timeout_us (what is left is then cut).
  Task<void> drain();

 private:
  explicit Listener(HttpHome& home) : home_(home) {}
  HttpHome& home_;  // outlives this object until libuv has closed its handles
};

}  // namespace headrace
