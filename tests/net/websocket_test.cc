// WebSockets over a real socket: the upgrade, order of answers, limits, slow readers, pings, the end.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "codec/websocket.h"
#include "src/net/websocket.h"
#include "tests/net/fixture.h"

namespace headrace {
namespace {

using websocket::Opcode;
using websocket::Reader;
constexpr std::string_view known_key = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3, as its answer

std::string handshake(std::string_view kind) {
  return "GET /socket/" + std::string(kind) + " HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + std::string(known_key) + "\r\n\r\n";
}

std::string text(std::string_view payload) {
  std::string out;
  append_masked_frame(Opcode::text, payload, 0x12345678, out);
  return out;
}

std::string close_of(uint16_t code) {
  std::string out;
  append_masked_frame(Opcode::close, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}, 7, out);
  return out;
}

// Frames of the server until it ends, one per line: "text:...", "ping:...", "close 1000".
std::string story_of(std::string bytes) {
  Reader reader(Reader::Peer::server, {1 << 24, 1000});
  std::span<char> input(bytes);
  std::string story;
  while (!input.empty()) {
    Reader::Step step = reader.next(input);
    if (step == Reader::Step::need_more) return story + "unfinished\n";
    if (step == Reader::Step::failed) return story + "failed: " + reader.failure().reason + "\n";
    if (reader.opcode() == Opcode::close)
      story += "close " + std::to_string(reader.close_code()) + "\n";
    else
      story += (reader.opcode() == Opcode::ping ? "ping:" : reader.opcode() == Opcode::pong ? "pong:" : "text:") +
               std::string(reader.payload()) + "\n";
  }
  return story;
}

// The rest of what the server says, behind its 101.
std::string story_behind_upgrade(Client& client) {
  std::string all = client.all();
  size_t body = all.find("\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << all.substr(0, 300);
  return body == std::string::npos ? all : story_of(all.substr(body + 4));
}

size_t count(const std::string& story, std::string_view part) {
  size_t found = 0;
  for (size_t at = story.find(part); at != story.npos; at = story.find(part, at + 1)) ++found;
  return found;
}

TEST(WebSocketUpgrade, answers_the_key_of_the_standard) {
  TestServer server;
  Client client(server.port());
  client.send(handshake("echo") + close_of(1000));
  std::string all = client.all();
  EXPECT_NE(all.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), all.npos) << all;
  EXPECT_EQ(all.find("Content-Length"), all.npos);
}

TEST(WebSocketUpgrade, frames_right_behind_the_handshake_are_taken) {
  TestServer server;
  Client client(server.port());
  client.send(handshake("echo") + text("a") + text("b") + close_of(1000));
  EXPECT_EQ(story_behind_upgrade(client), "text:a\ntext:b\nclose 1000\n");
}

TEST(WebSocketUpgrade, works_byte_by_byte) {
  TestServer server;
  Client client(server.port());
  client.send_bytewise(handshake("echo") + text("a") + text("b") + close_of(4000));
  EXPECT_EQ(story_behind_upgrade(client), "text:a\ntext:b\nclose 4000\n");
}

TEST(WebSocketUpgrade, frames_wait_for_an_upgrade_that_comes_later) {
  TestServer server;
  Client client(server.port());
  client.send(handshake("later") + text("a"));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  client.send(text("b") + close_of(1000));
  EXPECT_EQ(story_behind_upgrade(client), "text:a\ntext:b\nclose 1000\n");
}

TEST(WebSocketUpgrade, is_refused_behind_requests_without_an_answer) {
  TestServer server;
  Client client(server.port());
  client.send("GET /hold/1 HTTP/1.1\r\nHost: t\r\n\r\n" + handshake("echo"));
  Client other(server.port());
  EXPECT_TRUE(eventually([&] { return server.handler().served == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().protocol_errors == 1; }));
  other.send("GET /release HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 400);
}

TEST(WebSocketUpgrade, a_route_that_makes_no_socket_answers_and_goes_on) {
  TestServer server;
  Client client(server.port());
  std::string asks = "GET /count HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
  client.send(asks + asks);
  EXPECT_EQ(client.reply().body, "1");
  EXPECT_EQ(client.reply().body, "2");
}

TEST(WebSocketUpgrade, other_protocols_are_not_noticed) {
  TestServer server;
  Client client(server.port());
  client.send("GET /count HTTP/1.1\r\nHost: t\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n");
  EXPECT_EQ(client.reply().body, "1");
}

TEST(WebSocketAnswers, keep_the_order_of_messages) {
  TestServer server;
  Client client(server.port());
  client.send(handshake("hold") + text("1") + text("2") + text("3") + text("release") + close_of(1000));
  EXPECT_EQ(story_behind_upgrade(client), "text:1\ntext:2\ntext:3\ntext:release\nclose 1000\n");
}

TEST(WebSocketLimits, messages_without_an_answer_stop_the_reading) {
  HttpOptions options;
  options.pipelined_requests_max = 4;
  TestServer server(options);
  Client client(server.port());
  std::string all = handshake("hold");
  for (int i = 0; i < 10; ++i) all += text("m");
  client.send(all);
  EXPECT_TRUE(eventually([&] { return server.counters().socket_messages_in == 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(server.counters().socket_messages_in, 4u);
}

TEST(WebSocketLimits, bytes_without_an_answer_stop_the_reading) {
  HttpOptions options;
  options.socket_in_flight_bytes_max = 25'000;
  TestServer server(options);
  Client client(server.port());
  std::string all = handshake("hold");
  for (int i = 0; i < 10; ++i) all += text(std::string(10'000, 'm'));
  client.send(all);
  EXPECT_TRUE(eventually([&] { return server.counters().socket_messages_in == 3; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(server.counters().socket_messages_in, 3u);
}

TEST(WebSocketLimits, a_loop_out_of_memory_for_sockets_says_try_again_later) {
  HttpOptions options;
  options.socket_bytes_max = 100'000;
  TestServer server(options);
  Client client(server.port());
  std::string half = text(std::string(400'000, 'm'));
  client.send(handshake("echo") + half.substr(0, 300'000));
  EXPECT_EQ(story_behind_upgrade(client), "close 1013\n");
}

TEST(WebSocketLimits, a_message_that_drips_is_given_up) {
  HttpOptions options;
  options.body_timeout_us = 100 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(handshake("echo"));
  std::thread drip([&] {
    for (char c : text(std::string(100, 'x'))) {
      if (!client.send({&c, 1})) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_EQ(story_behind_upgrade(client), "close 1008\n");
  drip.join();
}

// The answer says how many of 2,000 KiB had room in a queue of 64 KiB: all are sent before anything is written.
TEST(WebSocketSlowReader, its_queue_has_an_end) {
  for (std::string_view kind : {"flood", "drop"}) {
    HttpOptions options;
    options.send_buffer_bytes = 4096;
    TestServer server(options);
    Client client(server.port(), 4096);
    client.send(handshake(kind) + text("2000") + close_of(1000));
    std::string story = story_behind_upgrade(client);
    size_t queued = count(story, "text:ff");
    EXPECT_TRUE(queued > 50 && queued <= 64) << queued;
    EXPECT_TRUE(story.ends_with("\ntext:" + std::to_string(queued) + "\nclose 1000\n")) << kind << story.substr(story.size() - 40);
    EXPECT_EQ(server.counters().socket_messages_dropped, kind == "drop" ? 2000 - queued : 0u);
  }
}

TEST(WebSocketSlowReader, is_closed_where_the_route_says_so) {
  HttpOptions options;
  options.send_buffer_bytes = 4096;
  TestServer server(options);
  Client client(server.port(), 4096);
  client.send(handshake("close") + text("2000"));
  std::string story = story_behind_upgrade(client);
  std::string queued = std::to_string(count(story, "text:ff"));
  EXPECT_TRUE(story.ends_with("\ntext:" + queued + "\nclose 1013\n")) << story.substr(story.size() - 40);
  EXPECT_EQ(server.counters().slow_readers, 1u);
}

TEST(WebSocketSlowReader, who_takes_nothing_is_cut_off) {
  HttpOptions options;
  options.send_buffer_bytes = 4096;
  options.write_timeout_us = 100 * ms;
  TestServer server(options);
  Client client(server.port(), 4096);
  client.send(handshake("echo") + text(std::string(1'000'000, 'x')));
  EXPECT_TRUE(eventually([&] { return server.counters().slow_readers == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().sockets_open == 0; }));
}

TEST(WebSocketPing, a_silent_client_is_asked_and_given_up) {
  HttpOptions options;
  options.socket_ping_us = 60 * ms;
  options.socket_pong_us = 100 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(handshake("echo"));
  std::string story = story_behind_upgrade(client);
  EXPECT_GE(count(story, "ping:\n"), 1u) << story;
  EXPECT_EQ(count(story, "close"), 0u) << story;  // it does not listen anyway
  EXPECT_EQ(server.counters().timeouts, 1u);
}

TEST(WebSocketPing, pongs_keep_a_client) {
  HttpOptions options;
  options.socket_ping_us = 100 * ms;
  options.socket_pong_us = 1'000 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(handshake("echo"));
  std::string pong;
  append_masked_frame(Opcode::pong, "", 3, pong);
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'600);  // longer than both together
  while (std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(client.send(pong));
  }
  EXPECT_EQ(server.counters().sockets_open, 1u);
}

TEST(WebSocketEnd, of_the_server_gives_the_answers_first) {
  TestServer server;
  Client client(server.port());
  client.send(handshake("bye") + text("go") + text("not taken"));
  std::thread answer([&] {
    EXPECT_TRUE(eventually([&] { return server.counters().sockets_opened == 1; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    client.send(close_of(4001));
  });
  EXPECT_EQ(story_behind_upgrade(client), "text:last\nclose 4001\n");
  answer.join();
  EXPECT_EQ(server.counters().sockets_open, 0u);
}

TEST(WebSocketEnd, does_not_wait_for_ever_for_the_client_s_close) {
  HttpOptions options;
  options.socket_close_us = 100 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(handshake("bye") + text("go"));
  EXPECT_EQ(story_behind_upgrade(client), "text:last\nclose 4001\n");
}

TEST(WebSocketEnd, draining_says_going_away_and_waits_for_the_client) {
  HttpOptions options;
  options.drain_timeout_us = 60'000 * ms;
  options.socket_close_us = 60'000 * ms;
  TestServer server(options);
  Client client(server.port());
  client.send(handshake("echo") + text("1"));
  EXPECT_TRUE(eventually([&] { return server.counters().socket_messages_out == 1; }));
  server.drain();
  std::thread answer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_FALSE(server.drained());
    client.send(text("too late") + close_of(1001));
  });
  EXPECT_EQ(story_behind_upgrade(client), "text:1\nclose 1001\n");
  EXPECT_TRUE(eventually([&] { return server.drained(); }, 10'000));
  answer.join();
}

TEST(WebSocketEnd, a_client_that_just_leaves_is_forgotten) {
  TestServer server;
  {
    Client one(server.port()), two(server.port());
    one.send(handshake("hold") + text("1"));
    two.send(handshake("echo") + text("1").substr(0, 5));
    EXPECT_TRUE(eventually([&] { return server.counters().sockets_open == 2; }));
    one.reset();
    two.end_sending();
    EXPECT_TRUE(eventually([&] { return server.counters().sockets_open == 0; }));
  }
}

}  // namespace
}  // namespace headrace
