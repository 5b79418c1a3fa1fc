// The WebSockets of the test server.
#include <charconv>

#include "src/net/websocket.h"
#include "src/runtime/timer.h"
#include "tests/net/fixture.h"

namespace headrace {
namespace {

class Echo : public SocketSession {
 public:
  void message(const SocketMessage& message, Exchange exchange) override { exchange.answer({.body = message.data}); }
};

class Hold : public SocketSession {
 public:
  void message(const SocketMessage& message, Exchange exchange) override {
    held_.emplace_back(message.data, std::move(exchange));
    if (message.data != "release") return;
    while (!held_.empty()) {
      auto [text, waiting] = std::move(held_.back());
      held_.pop_back();
      waiting.answer({.body = text});
    }
  }

 private:
  std::vector<std::pair<std::string, Exchange>> held_;
};

class Flood : public SocketSession {
 public:
  void opened(WebSocket socket) override { socket_ = socket; }
  void message(const SocketMessage& message, Exchange exchange) override {
    size_t wanted = 0, queued = 0;
    std::from_chars(message.data.data(), message.data.data() + message.data.size(), wanted);
    for (size_t i = 0; i < wanted; ++i) queued += socket_.send(std::string(1024, 'f')) == Sent::queued;
    exchange.answer({.body = std::to_string(queued)});
  }

 private:
  WebSocket socket_;
};

class Bye : public SocketSession {
 public:
  void opened(WebSocket socket) override { socket_ = socket; }
  void message(const SocketMessage&, Exchange exchange) override {
    socket_.close(4001, "enough");
    if (socket_.send("late") != Sent::gone || !socket_.gone()) exchange.answer({.body = "it is not gone"});
    exchange.answer({.body = "last"});
  }

 private:
  WebSocket socket_;
};

Task<void> upgrade_later(Exchange exchange, std::string headers) {
  co_await sleep(50'000);
  BorrowedReply reply{.status = 101, .headers = headers};
  exchange.upgrade(reply, std::make_shared<Echo>(), {});
}

}  // namespace

void serve_socket(const Request& request, Exchange exchange) {
  std::string_view kind = request.path.substr(std::string_view("/socket/").size());
  auto handshake = read_handshake(request);
  if (!handshake.ok()) {
    std::string why = handshake.problem().text();
    return exchange.answer({.status = row_of(handshake.problem().error).status, .body = why});
  }
  std::string headers = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + handshake->accept + "\r\n";
  if (kind == "later") return spawn(upgrade_later(std::move(exchange), std::move(headers)));
  SocketOptions options;
  options.queue_bytes_max = 64 * 1024;
  options.slow_reader = kind == "drop" ? SlowReader::drop : kind == "close" ? SlowReader::close : SlowReader::wait;
  std::shared_ptr<SocketSession> session;
  if (kind == "echo")
    session = std::make_shared<Echo>();
  else if (kind == "hold")
    session = std::make_shared<Hold>();
  else if (kind == "bye")
    session = std::make_shared<Bye>();
  else
    session = std::make_shared<Flood>();
  exchange.upgrade({.status = 101, .headers = headers}, std::move(session), options);
}

}  // namespace headrace
