// The test server and client.
#include "tests/net/fixture.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "src/net/text.h"

namespace headrace {
namespace {

Reply text(int status, std::string body) { return {status, "text/plain", "", std::move(body)}; }

std::string description(const Request& request) {
  return std::string(name_of(request.method)) + " " + std::string(request.path) + " ?" +
         std::string(request.query) + " [" + std::string(request.body) + "]";
}

}  // namespace

thread_local std::vector<std::pair<std::string, Exchange>> TestHandler::held_;

size_t TestHandler::body_limit(const Request& head) { return head.path == "/small" ? 10 : 1'000'000; }

void TestHandler::serve(const Request& request, Exchange exchange) {
  ++served;
  if (request.path.starts_with("/hold")) {
    held_.emplace_back(request.path, std::move(exchange));
  } else if (request.path == "/release") {
    while (!held_.empty()) {  // newest first: out of order
      auto [path, waiting] = std::move(held_.back());
      held_.pop_back();
      if (waiting.gone()) ++gone_when_released;
      waiting.answer(text(200, path));
    }
    exchange.answer(text(200, "released"));
  } else if (request.path.starts_with("/big/")) {
    exchange.answer(text(200, std::string(std::stoul(std::string(request.path.substr(5))), 'x')));
  } else if (request.path.starts_with("/socket/")) {
    serve_socket(request, std::move(exchange));
  } else if (request.path == "/drop") {
    Exchange forgotten = std::move(exchange);
  } else if (request.path == "/empty") {
    exchange.answer({204, {}, "X-Extra: yes\r\n", {}});
  } else if (request.path == "/count") {
    exchange.answer(text(200, std::to_string(++request.memo->as<int>())));
  } else if (request.path == "/headers") {
    exchange.answer(text(200, std::string(request.headers.known(Known::x_api_key)) + "," +
                                  std::string(request.headers.find("x-odd")) + "," +
                                  std::string(request.peer)));
  } else {
    exchange.answer(text(200, description(request)));
  }
}

Reply TestHandler::protocol_error(Error error, std::string_view detail, const Request&) {
  return text(row_of(error).status, std::string(detail));
}

TestServer::TestServer(HttpOptions options, size_t loops) : loops_(loops), listeners_(loops) {
  auto reserved = PortReservation::take("127.0.0.1", 0);
  CHECK(reserved.ok());
  port_ = reserved->port();
  if (options.tls) {
    workers_ = std::make_unique<Offload>(1, limits::handshake_steps_max * loops);
    options.workers = workers_.get();
  }
  std::atomic<size_t> ready{0};
  loops_.start([&, options](Loop& loop) {
    auto listener = Listener::open(loop, "127.0.0.1", port_, handler_, options);
    CHECK(listener.ok());
    listeners_[loop.index()] = listener->get();
    ++ready;
    loop.run();
  });
  CHECK(eventually([&] { return ready == loops; }));
}

TestServer::~TestServer() {
  loops_.stop();
  loops_.join();
}

HttpCounters TestServer::counters() {
  std::promise<HttpCounters> promise;
  CHECK(loops_[0].post([&] { promise.set_value(listeners_[0]->counters()); }));
  return promise.get_future().get();
}

void TestServer::drain() {
  static constexpr auto run = [](Listener& listener, std::atomic<size_t>& drained) -> Task<void> {
    co_await listener.drain();
    ++drained;
  };
  for (size_t i = 0; i < loops_.size(); ++i) {
    CHECK(loops_[i].post([this, i] { spawn(run(*listeners_[i], drained_)); }));
  }
}

std::string ClientReply::header(std::string_view name) const {
  size_t line = 0;
  while ((line = head.find("\r\n", line)) != std::string::npos) {
    line += 2;
    size_t colon = head.find(':', line);
    if (colon == std::string::npos) break;
    if (!equal_any_case(std::string_view(head).substr(line, colon - line), name)) continue;
    return std::string(
        trimmed(std::string_view(head).substr(colon + 1, head.find("\r\n", colon) - colon - 1)));
  }
  return {};
}

Client::Client(uint16_t port, int receive_buffer_bytes) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer_bytes > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  timeval patience{10, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) end_sending();
}

Client::~Client() { ::close(socket_); }

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Client::send_bytewise(std::string_view bytes) {
  for (char c : bytes) {
    if (!send({&c, 1})) return;
  }
}

void Client::end_sending() { ::shutdown(socket_, SHUT_WR); }

void Client::reset() {
  linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(socket_, -1));
}

bool Client::receive_more() {
  char buffer[65536];
  if (pause_ms_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
  ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  received_.append(buffer, static_cast<size_t>(count));
  return true;
}

ClientReply Client::reply(bool to_head) {
  ClientReply reply;
  size_t end;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more()) return reply;
  }
  reply.head = received_.substr(0, end + 2);
  received_.erase(0, end + 4);
  reply.status = std::stoi(reply.head.substr(9));
  std::string length = reply.header("Content-Length");
  size_t bytes = length.empty() || to_head ? 0 : std::stoul(length);
  while (received_.size() < bytes) {
    if (!receive_more()) return {};
  }
  reply.body = received_.substr(0, bytes);
  received_.erase(0, bytes);
  return reply;
}

std::string Client::some() {
  if (received_.empty()) receive_more();
  return std::exchange(received_, {});
}

std::string Client::all() {
  while (receive_more()) {
  }
  return std::exchange(received_, {});
}

bool Client::closed_within(int milliseconds) {
  pollfd watched{socket_, POLLIN, 0};
  if (::poll(&watched, 1, milliseconds) <= 0) return false;
  return !receive_more();
}

bool eventually(const std::function<bool()>& condition, int milliseconds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace headrace
