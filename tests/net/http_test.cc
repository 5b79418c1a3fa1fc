// What a client sees: keep-alive, pipelining, bodies, HEAD, HTTP/1.0, Expect.
#include <gtest/gtest.h>

#include "src/net/text.h"
#include "tests/net/fixture.h"

namespace headrace {
namespace {

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n"; }

TEST(Http, answers_and_keeps_the_connection) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a%20b?c=d&e"));
    ClientReply reply = client.reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "GET /a%20b ?c=d&e []");
    EXPECT_EQ(reply.header("Content-Type"), "text/plain");
    EXPECT_EQ(reply.header("Connection"), "");
    EXPECT_EQ(reply.header("Date").size(), 29u);
  }
  EXPECT_EQ(server.counters().connections_accepted, 1u);
  EXPECT_EQ(server.counters().requests, 3u);
}

TEST(Http, finds_headers_in_any_case) {
  TestServer server;
  Client client(server.port());
  client.send("GET /headers HTTP/1.1\r\nhOST: t\r\nx-api-KEY:  secret \r\nX-Odd:\tone\r\nX-Odd: two\r\n\r\n");
  EXPECT_EQ(client.reply().body, "secret,one,127.0.0.1");
}

TEST(Http, the_memo_belongs_to_the_connection) {
  TestServer server;
  Client one(server.port()), other(server.port());
  one.send(get("/count") + get("/count"));
  EXPECT_EQ(one.reply().body, "1");
  EXPECT_EQ(one.reply().body, "2");
  other.send(get("/count"));
  EXPECT_EQ(other.reply().body, "1");
}

TEST(Http, reads_bodies_whole_chunked_and_bytewise) {
  TestServer server;
  const std::string whole = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\nhello world";
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
      "1;name=\"a b\"\r\n \r\n5\r\nworld\r\n0\r\nTrailer: dropped\r\n\r\n";
  for (auto& request : {whole, chunked}) {
    Client client(server.port());
    client.send(request + request);
    EXPECT_EQ(client.reply().body, "POST /echo ? [hello world]");
    EXPECT_EQ(client.reply().body, "POST /echo ? [hello world]");
    client.send_bytewise(request);
    EXPECT_EQ(client.reply().body, "POST /echo ? [hello world]");
    client.send(request.substr(0, request.size() / 2));
    EXPECT_FALSE(client.closed_within(10));
    client.send(request.substr(request.size() / 2));
    EXPECT_EQ(client.reply().body, "POST /echo ? [hello world]");
  }
}

TEST(Http, reads_large_bodies) {
  TestServer server;
  Client client(server.port());
  std::string body;
  for (int i = 0; body.size() < 900'000; ++i) body += std::to_string(i);
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  EXPECT_EQ(client.reply().body, "POST /echo ? [" + body + "]");
  std::string chunks;
  for (size_t at = 0; at < body.size(); at += 7'001) {
    std::string piece = body.substr(at, 7'001);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunks += size + piece + "\r\n";
  }
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  EXPECT_EQ(client.reply().body, "POST /echo ? [" + body + "]");
}

TEST(Http, answers_pipelined_requests_in_order_though_finished_out_of_order) {
  TestServer server;
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 20; ++i)
    requests += get("/hold/" + std::to_string(i)) + get("/now" + std::to_string(i));
  client.send(requests + get("/release"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.reply().body, "/hold/" + std::to_string(i));
    EXPECT_EQ(client.reply().body, "GET /now" + std::to_string(i) + " ? []");
  }
  EXPECT_EQ(client.reply().body, "released");
}

TEST(Http, takes_no_more_than_the_allowed_number_of_unanswered_requests) {
  HttpOptions options;
  options.pipelined_requests_max = 4;
  TestServer server(options);
  Client client(server.port()), other(server.port());
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += get("/hold/" + std::to_string(i));
  client.send(requests);
  EXPECT_TRUE(eventually([&] { return server.handler().served == 4; }));
  EXPECT_FALSE(client.closed_within(30));
  EXPECT_EQ(server.handler().served, 4);
  for (int answered = 0; answered < 10;) {
    other.send(get("/release"));
    EXPECT_EQ(other.reply().status, 200);
    int expected = std::min(answered + 4, 10);
    for (; answered < expected; ++answered)
      EXPECT_EQ(client.reply().body, "/hold/" + std::to_string(answered));
    EXPECT_TRUE(eventually([&] { return server.handler().served >= std::min(answered + 4, 10); }));
  }
}

TEST(Http, an_answer_to_a_client_that_has_left_is_dropped) {
  TestServer server;
  {
    Client client(server.port());
    client.send(get("/hold"));
    EXPECT_TRUE(eventually([&] { return server.handler().served == 1; }));
    client.reset();
  }
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
  Client other(server.port());
  other.send(get("/release"));
  EXPECT_EQ(other.reply().body, "released");
  EXPECT_EQ(server.handler().gone_when_released, 1);
}

TEST(Http, a_client_that_has_only_ended_sending_still_gets_its_answers) {
  TestServer server;
  Client client(server.port()), other(server.port());
  client.send(get("/hold") + get("/now") + "GET /half HT");
  client.end_sending();
  EXPECT_TRUE(eventually([&] { return server.handler().served == 2; }));
  other.send(get("/release"));
  EXPECT_EQ(client.reply().body, "/hold");
  EXPECT_EQ(client.reply().body, "GET /now ? []");
  EXPECT_EQ(client.reply().status, 0);
}

TEST(Http, a_forgotten_exchange_answers_500) {
  TestServer server;
  Client client(server.port());
  client.send(get("/drop") + get("/after"));
  EXPECT_EQ(client.reply().status, 500);
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(server.counters().abandoned, 1u);
}

TEST(Http, head_has_the_length_and_no_body) {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /big/1234 HTTP/1.1\r\nHost: t\r\n\r\n" + get("/x"));
  ClientReply reply = client.reply(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Length"), "1234");
  EXPECT_EQ(client.reply().body, "GET /x ? []");
}

TEST(Http, no_content_has_neither_body_nor_length) {
  TestServer server;
  Client client(server.port());
  client.send(get("/empty") + get("/x"));
  ClientReply reply = client.reply();
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("Content-Length"), "");
  EXPECT_EQ(reply.header("X-Extra"), "yes");
  EXPECT_EQ(client.reply().status, 200);
}

TEST(Http, connection_close_closes_after_the_answer) {
  TestServer server;
  for (const char* field : {"close", "Close", "foo, close", "keep-alive, close"}) {
    Client client(server.port());
    client.send("GET /x HTTP/1.1\r\nHost: t\r\nConnection: " + std::string(field) + "\r\n\r\n");
    EXPECT_EQ(client.reply().header("Connection"), "close");
    EXPECT_TRUE(client.closed_within(1'000));
  }
}

TEST(Http, nothing_behind_a_closing_request_is_answered) {
  TestServer server;
  Client client(server.port());
  client.send("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" + get("/y"));
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 0);
  EXPECT_EQ(server.handler().served, 1);
}

TEST(Http, speaks_http_1_0) {
  TestServer server;
  Client once(server.port());
  once.send("GET /x HTTP/1.0\r\n\r\n");
  ClientReply reply = once.reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(once.closed_within(1'000));
  Client kept(server.port());
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.reply().header("Connection"), "keep-alive");
  }
}

TEST(Http, continues_when_a_body_is_wanted) {
  TestServer server;
  Client client(server.port());
  std::string head = "POST /small HTTP/1.1\r\nHost: t\r\nExpect: 100-Continue\r\nContent-Length: ";
  client.send(head + "5\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  client.send("hello");
  EXPECT_EQ(client.reply().body, "POST /small ? [hello]");
  client.send(head + "5\r\n\r\nhello");  // did not wait: no need to tell it
  EXPECT_EQ(client.reply().status, 200);
  client.send(head + "0\r\n\r\n");  // no body: nothing to wait for
  EXPECT_EQ(client.reply().status, 200);
  client.send(head + "11\r\n\r\n");  // too large: refused before it is sent
  EXPECT_EQ(client.reply().status, 413);
  EXPECT_TRUE(client.closed_within(3'000));
}

TEST(Http, continues_only_after_the_answers_before) {
  TestServer server;
  Client client(server.port()), other(server.port());
  client.send(get("/hold") +
              "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server.handler().served == 1; }));
  EXPECT_FALSE(client.closed_within(30));
  other.send(get("/release"));
  EXPECT_EQ(client.reply().body, "/hold");
  EXPECT_EQ(client.reply().status, 100);
  client.send("ok");
  EXPECT_EQ(client.reply().body, "POST /echo ? [ok]");
}

TEST(Http, absolute_targets_and_the_asterisk) {
  TestServer server;
  Client client(server.port());
  client.send("GET http://example.org:80/a?b HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.reply().body, "GET /a ?b []");
  client.send("GET HTTPS://example.org?b HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.reply().body, "GET / ?b []");
  client.send("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.reply().body, "OPTIONS * ? []");
}

TEST(Http, all_loops_share_one_port) {
  TestServer server({}, 2);
  int answered = 0;
  for (int i = 0; i < 64; ++i) {
    Client client(server.port());
    client.send(get("/x"));
    answered += client.reply().status == 200;
  }
  EXPECT_EQ(answered, 64);
  EXPECT_LT(server.counters().requests, 64u);  // loop 0 had not all of them
  EXPECT_GT(server.counters().requests, 0u);
}

TEST(Http, a_port_that_somebody_listens_on_is_refused) {
  TestServer server;
  auto taken = PortReservation::take("127.0.0.1", server.port());
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.problem().detail.find("in use"), std::string::npos);
  EXPECT_FALSE(PortReservation::take("example.org", 0).ok());
  EXPECT_TRUE(PortReservation::take("::1", 0).ok());
}

TEST(HttpText, known_names_and_hosts) {
  EXPECT_EQ(known_of("X-API-Key"), Known::x_api_key);
  EXPECT_EQ(known_of("transfer-encoding"), Known::transfer_encoding);
  EXPECT_EQ(known_of("Transfer-Encodinh"), Known::other);
  EXPECT_EQ(known_of(""), Known::other);
  EXPECT_EQ(known_of("host\r"), Known::other);
  for (const char* good : {"", "a", "a.b:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "a_b-c"}) {
    EXPECT_TRUE(is_authority(good)) << good;
  }
  for (const char* bad : {"a b", "a,b", "a/b", "u@a", "a:b", "[::1", "[]", "[::1]x", "a:123456", "[g]"}) {
    EXPECT_FALSE(is_authority(bad)) << bad;
  }
}

}  // namespace
}  // namespace headrace
