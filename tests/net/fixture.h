// A real server on its own loop threads, and a blocking client that speaks bytes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/check.h"
#include "src/net/listener.h"
#include "src/runtime/ask.h"
#include "src/runtime/loop.h"
#include "src/runtime/offload.h"

namespace headrace {

inline constexpr Micros ms = 1'000;

// Answers by path: /echo says what it got, /hold waits for /release, /big/N answers N bytes, /drop forgets.
class TestHandler final : public HttpHandler {
 public:
  size_t body_limit(const Request& head) override;
  void serve(const Request& request, Exchange exchange) override;
  Reply protocol_error(Error error, std::string_view detail, const Request& request) override;

  std::atomic<int> served{0};
  std::atomic<int> gone_when_released{0};

 private:
  static thread_local std::vector<std::pair<std::string, Exchange>> held_;
};

// Makes a WebSocket of the request to /socket/KIND. echo: answers each message with itself. hold: answers when "release"
// comes, newest first. flood, drop, close: sends as many KiB as a message says, of which the answer says how many were
// queued; the slow reader's policy is wait, drop, close. bye: closes with 4001. later: as echo, but upgraded 50 ms later.
void serve_socket(const Request& request, Exchange exchange);

class TestServer {
 public:
  explicit TestServer(HttpOptions options = {}, size_t loops = 1);
  ~TestServer();

  uint16_t port() const { return port_; }
  TestHandler& handler() { return handler_; }
  HttpCounters counters();  // of loop 0
  void drain();             // starts draining; drained() turns true
  bool drained() const { return drained_ == loops_.size(); }

 private:
  TestHandler handler_;
  Loops loops_;
  std::unique_ptr<Offload> workers_;  // of TLS; ends before the loops do
  uint16_t port_ = 0;
  std::vector<Listener*> listeners_;
  std::atomic<size_t> drained_{0};
};

struct ClientReply {
  int status = 0;  // 0: the connection was closed instead
  std::string head, body;
  std::string header(std::string_view name) const;
};

class Client {
 public:
  explicit Client(uint16_t port, int receive_buffer_bytes = 0);
  ~Client();
  Client(const Client&) = delete;

  bool send(std::string_view bytes);  // false when the server has closed
  void send_bytewise(std::string_view bytes);
  void end_sending();
  void reset();                             // leaves with a reset
  ClientReply reply(bool to_head = false);  // the next one
  std::string some();                       // what has come, or comes next; empty: closed
  std::string all();                        // everything until the server closes
  void pause_between_reads(int milliseconds) { pause_ms_ = milliseconds; }
  bool closed_within(int milliseconds);  // by the server, without another byte

 private:
  bool receive_more();
  int socket_;
  int pause_ms_ = 0;
  std::string received_;
};

bool eventually(const std::function<bool()>& condition, int milliseconds = 3'000);

}  // namespace headrace
