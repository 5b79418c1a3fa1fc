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

namespace headrace {

// Answers by path: /echo says what it got, /hold waits for /release, /big/N answers N bytes, /drop forgets.
class TestHandler final : public HttpHandler {
 public:
  size_t body_limit(const Request& head) override;
  void serve(const Request& request, Exchange exchange) override;
  Reply protocol_error(Error error, std::string_view detail) override;

  std::atomic<int> served{0};
  std::atomic<int> gone_when_released{0};

 private:
  static thread_local std::vector<std::pair<std::string, Exchange>> held_;
};

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
