// Limits, timeouts, slow clients and the graceful end, with small limits.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/net/fixture.h"

namespace headrace {
namespace {


std::string get_request(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n"; }

// How many of `count` pieces, one every 10 ms, the server puts up with.
int pieces_accepted(Client& client, std::string_view piece, int count) {
  for (int i = 0; i < count; ++i) {
    if (!client.send(piece)) return i;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return count;
}

TEST(Timeouts, a_header_that_drips_is_answered_408_and_closed) {
  HttpOptions options;
  options.headers_timeout_us = 100 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(get_request("/x") + "GET / HTTP/1.1\r\nX: ");
  EXPECT_EQ(client.reply().status, 200);
  auto start = std::chrono::steady_clock::now();
  std::thread drip([&] {
    for (int i = 0; i < 100 && client.send("a"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  EXPECT_EQ(client.reply().status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(800));
  drip.join();
  EXPECT_EQ(server.counters().timeouts, 1u);
}

TEST(Timeouts, a_body_that_drips_is_answered_408_and_closed) {
  HttpOptions options;
  options.body_timeout_us = 100 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n");
  std::thread drip([&] {
    for (int i = 0; i < 100 && client.send("a"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  EXPECT_EQ(client.reply().status, 408);
  drip.join();
}

TEST(Timeouts, an_idle_connection_is_closed_without_a_word) {
  HttpOptions options;
  options.idle_timeout_us = 100 * ms;
  TestServer server(options);
  Client fresh(server.port()), used(server.port());
  used.send(get_request("/x"));
  EXPECT_EQ(used.reply().status, 200);
  EXPECT_FALSE(used.closed_within(40));
  EXPECT_TRUE(used.closed_within(1'000));
  EXPECT_TRUE(fresh.closed_within(1'000));
}

TEST(Timeouts, waiting_for_an_answer_is_not_idle) {
  HttpOptions options;
  options.idle_timeout_us = options.headers_timeout_us = 50 * ms;
  TestServer server(options);
  Client client(server.port()), other(server.port());
  client.send(get_request("/hold"));
  EXPECT_FALSE(client.closed_within(300));
  Client releasing(server.port());
  releasing.send(get_request("/release"));
  EXPECT_EQ(client.reply().body, "/hold");
}

TEST(Timeouts, a_client_that_does_not_read_is_cut_off) {
  HttpOptions options;
  options.write_timeout_us = 150 * ms;
  options.send_buffer_bytes = 16 * 1024;
  TestServer server(options);
  Client client(server.port(), 16 * 1024);
  client.send(get_request("/big/5000000"));
  EXPECT_TRUE(eventually([&] { return server.counters().slow_readers == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
  EXPECT_LT(client.all().size(), 5'000'000u);
}

TEST(Timeouts, a_steady_reader_is_not_cut_off) {
  HttpOptions options;
  options.write_timeout_us = 400 * ms;
  options.send_buffer_bytes = 64 * 1024;
  TestServer server(options);
  Client client(server.port());
  client.pause_between_reads(3);
  auto start = std::chrono::steady_clock::now();
  client.send(get_request("/big/20000000"));
  EXPECT_EQ(client.reply().body.size(), 20'000'000u);
  EXPECT_GT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
  EXPECT_EQ(server.counters().slow_readers, 0u);
}

TEST(Limits, much_output_stops_the_reading_until_it_is_read) {
  HttpOptions options;
  options.connection_output_bytes_max = 100'000;
  options.send_buffer_bytes = 16 * 1024;
  TestServer server(options);
  Client client(server.port(), 16 * 1024);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get_request("/big/60000");
  client.send(requests);
  EXPECT_TRUE(eventually([&] { return server.handler().served >= 2; }));
  EXPECT_FALSE(eventually([&] { return server.handler().served > 10; }, 50));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.reply().body.size(), 60'000u);
}

TEST(Limits, output_that_the_socket_takes_at_once_unblocks_too) {
  HttpOptions options;
  options.connection_output_bytes_max = 1'000;
  TestServer server(options);
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get_request("/big/2000");
  client.send(requests);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.reply().body.size(), 2'000u);
}

TEST(Limits, one_connection_too_many_is_told_so) {
  HttpOptions options;
  options.connections_max = 2;
  TestServer server(options);
  Client one(server.port()), two(server.port());
  one.send(get_request("/x"));
  two.send(get_request("/x"));
  EXPECT_EQ(one.reply().status, 200);
  EXPECT_EQ(two.reply().status, 200);
  Client three(server.port());
  EXPECT_EQ(three.reply().status, 503);
  EXPECT_TRUE(three.closed_within(1'000));
  EXPECT_EQ(server.counters().connections_refused, 1u);
  one.reset();
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 1; }));
  Client four(server.port());
  four.send(get_request("/x"));
  EXPECT_EQ(four.reply().status, 200);
}

TEST(Limits, a_refused_body_is_not_read_and_its_answer_arrives) {
  TestServer server;
  Client client(server.port());
  client.send("POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n" +
              std::string(500'000, 'x'));
  EXPECT_EQ(client.reply().status, 413);
  EXPECT_EQ(server.handler().served, 0);
}

TEST(Limits, a_refused_client_cannot_send_forever) {
  HttpOptions options;
  options.linger_timeout_us = 100 * ms;
  TestServer server(options);
  Client timed(server.port());
  timed.send("BAD\r\n\r\n");
  EXPECT_EQ(timed.reply().status, 501);
  EXPECT_LT(pieces_accepted(timed, "x", 100), 60);  // 100 ms and some, not a second
  options.linger_timeout_us = 10'000 * ms;
  options.linger_bytes_max = 10'000;
  TestServer counting(options);
  Client counted(counting.port());
  counted.send("BAD\r\n\r\n");
  EXPECT_EQ(counted.reply().status, 501);
  EXPECT_LT(pieces_accepted(counted, std::string(1'000, 'x'), 60), 30);
}

TEST(Drain, answers_what_is_in_flight_closes_idle_ones_and_refuses_new_ones) {
  HttpOptions options;
  options.drain_idle_us = 100 * ms;
  TestServer server(options);
  Client idle(server.port()), busy(server.port()), active(server.port());
  idle.send(get_request("/x"));
  EXPECT_EQ(idle.reply().status, 200);
  busy.send(get_request("/hold"));
  active.send(get_request("/x"));
  EXPECT_EQ(active.reply().header("Connection"), "");
  EXPECT_TRUE(eventually([&] { return server.handler().served == 3; }));
  server.drain();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  active.send(get_request("/release"));  // a connection that is still there is still served, and told to go
  ClientReply last = active.reply();
  EXPECT_EQ(last.body, "released");
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(active.closed_within(1'000));
  ClientReply held = busy.reply();
  EXPECT_EQ(held.body, "/hold");
  EXPECT_EQ(held.header("Connection"), "close");
  EXPECT_TRUE(busy.closed_within(1'000));
  EXPECT_TRUE(idle.closed_within(1'000));
  EXPECT_TRUE(eventually([&] { return server.drained(); }));
  Client late(server.port());
  late.send(get_request("/x"));
  EXPECT_EQ(late.reply().status, 0);
}

TEST(Drain, ends_at_its_timeout) {
  HttpOptions options;
  options.drain_timeout_us = 100 * ms;
  TestServer server(options);
  Client busy(server.port());
  busy.send(get_request("/hold"));
  EXPECT_TRUE(eventually([&] { return server.handler().served == 1; }));
  server.drain();
  EXPECT_TRUE(eventually([&] { return server.drained(); }));
  EXPECT_EQ(busy.reply().status, 0);
}

// Clients that ask again and again see no failure: the last answer says close, and then nothing is asked.
TEST(Drain, no_request_of_a_busy_client_fails) {
  TestServer server({}, 2);
  std::atomic<int> answered{0}, failed{0}, told{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      Client client(server.port());
      while (true) {
        bool sent = client.send(get_request("/x"));
        ClientReply reply = sent ? client.reply() : ClientReply{};
        reply.status == 200 ? ++answered : ++failed;
        if (reply.status != 200) return;
        if (reply.header("Connection") == "close") return void(++told);
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return answered > 200; }));
  server.drain();
  for (auto& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(told, 8);
  EXPECT_TRUE(eventually([&] { return server.drained(); }));
}

TEST(End, a_server_may_end_with_requests_in_flight) {
  Client* left = nullptr;
  {
    TestServer server;
    left = new Client(server.port());
    left->send(get_request("/hold") + get_request("/hold"));
    EXPECT_TRUE(eventually([&] { return server.handler().served == 2; }));
  }
  EXPECT_EQ(left->reply().status, 0);
  delete left;
}

}  // namespace
}  // namespace headrace
