// The load generator against a server that stalls, refuses and hangs up.
#include "tools/load_run.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace headrace {
namespace {

constexpr auto stall = std::chrono::milliseconds(300);

// Answers one connection after the other, request by request. What it does at a request is up to the test.
class TestServer {
 public:
  using Answer = std::function<std::string(int request)>;  // an empty answer hangs up

  explicit TestServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Origin origin() const { return {"127.0.0.1", port_}; }

 private:
  void serve() {
    for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) answer_all(fd);
  }

  void answer_all(int fd) {
    std::string in;
    char piece[4096];
    for (ssize_t got; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;) {
      in.append(piece, static_cast<size_t>(got));
      for (size_t end; (end = in.find("\r\n\r\n")) != std::string::npos; in.erase(0, end + 4)) {
        const std::string reply = answer_(requests_++);
        if (reply.empty() || ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
      }
    }
  }

  Answer answer_;
  int listener_ = -1, requests_ = 0;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string reply(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 2\r\n\r\n{}";
}

LoadResult run(const Origin& origin, double rate, int pipeline = 1) {
  RequestPool pool(get_requests({.origin = origin, .key = "", .path = "/"}), 1);
  const LoadPlan plan{
      .origin = origin, .connections = 1, .pipeline = pipeline, .duration_s = 1, .warmup_s = 0, .rate = rate};
  auto result = run_load(plan, pool, [](const LoadSecond&) {});
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : LoadResult();
}

double milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string stalls_once(int request) {
  if (request == 100) std::this_thread::sleep_for(stall);
  return reply(200);
}

TEST(LoadRun, AtAFixedRateEveryRequestThatHadToWaitIsCounted) {
  const TestServer server(stalls_once);
  const LoadResult result = run(server.origin(), 1'000);
  EXPECT_GT(milliseconds(result.tally.latency_ns.at(0.85)), 100)
      << "three tenths of a second were lost for all due in it";
  EXPECT_NEAR(static_cast<double>(result.tally.requests), 1'000, 60);
  EXPECT_EQ(result.tally.failures, 0u);
}

TEST(LoadRun, WithoutARateOneRequestWaits) {
  const TestServer server(stalls_once);
  const LoadResult result = run(server.origin(), 0);
  EXPECT_LT(milliseconds(result.tally.latency_ns.at(0.85)), 100);
  EXPECT_GT(milliseconds(result.tally.latency_ns.max()), 290);
}

TEST(LoadRun, CountsRefusalsByStatus) {
  const TestServer server([](int request) { return reply(request % 2 == 0 ? 200 : 503); });
  const LoadResult result = run(server.origin(), 200, 4);
  EXPECT_NEAR(static_cast<double>(result.tally.failures_by_status.at(503)), 100, 20);
  EXPECT_EQ(result.tally.first_failure.substr(0, 3), "503");
}

TEST(LoadRun, ComesBackAfterTheServerHungUp) {
  const TestServer server([](int request) { return request == 10 ? "" : reply(200); });
  const LoadResult result = run(server.origin(), 500);
  EXPECT_GE(result.tally.failures_by_status.at(0), 1u);
  EXPECT_GT(result.tally.requests, 400u);
}

TEST(LoadRun, ReportsAServerThatIsNotThere) {
  const Origin nobody{"127.0.0.1", 1};
  RequestPool pool(get_requests({.origin = nobody, .key = "", .path = "/"}), 1);
  EXPECT_FALSE(run_load({.origin = nobody, .connections = 1}, pool, [](const LoadSecond&) {}).ok());
}

TEST(EventIds, AreOfOneWidthAndNeverTheSame) {
  std::string first(EventIds::width, ' '), second = first, other = first;
  EventIds ids(7), others(8);
  ids.write_next(first.data());
  ids.write_next(second.data());
  others.write_next(other.data());
  EXPECT_EQ(first, "evt_00000007000000000000");
  EXPECT_EQ(second, "evt_00000007000000000001");
  EXPECT_NE(first, other);
}

TEST(EventsAccepted, AreWhatTheServerCounted) {
  const std::string padding(2'000, 'x');
  EXPECT_EQ(
      events_accepted({.status = 200, .body = R"({"status":"success","count":998,"results":[]})"}, 1'000),
      998u);
  for (const std::string& body : {"{\"a\":\"" + padding + "\",\"count\":7,\"b\":\"" + padding + "\"}",
                                  "{\"a\":\"" + padding + "\",\"count\":7}", std::string("{\"count\": 7}")})
    EXPECT_EQ(events_accepted({.status = 200, .body = body}, 1'000), 7u);
  EXPECT_EQ(events_accepted({.status = 200, .body = "{}"}, 1), 1u);
}

}  // namespace
}  // namespace headrace
