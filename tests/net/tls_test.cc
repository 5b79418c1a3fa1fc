// Tls against OpenSSL's client in memory, the rotation of ticket keys, and what a listener does with clients that do not shake
// hands. Whole servers with TLS: tests/api/test_tls.py.
#include "src/net/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "src/base/check.h"
#include "tests/net/fixture.h"

namespace headrace {
namespace {

class ManualClock final : public Clock {
 public:
  Micros wall() override { return now; }
  Micros monotonic() override { return now; }
  Micros now = 1000 * hour_us;
};

// A self-signed certificate in files of its own.
class Certificate {
 public:
  Certificate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    write(certificate_, [&](FILE* file) { return PEM_write_X509(file, certificate); });
    write(key_, [&](FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    ::unlink(certificate_.c_str());
    ::unlink(key_.c_str());
  }
  TlsFiles files() const { return {certificate_, key_, {}, ClientCertificates::none}; }

 private:
  template <class Write>
  static void write(std::string& path, Write content) {
    path = "/tmp/headrace-tls-XXXXXX";
    const int descriptor = ::mkstemp(path.data());
    FILE* file = ::fdopen(descriptor, "w");
    CHECK(file != nullptr && content(file) == 1);
    std::fclose(file);
  }
  std::string certificate_, key_;
};

// OpenSSL's client over memory BIOs.
class MemoryClient {
 public:
  explicit MemoryClient(int version = TLS1_3_VERSION, SSL_SESSION* session = nullptr)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
    if (session != nullptr) SSL_set_session(ssl_, session);
  }
  ~MemoryClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  bool shake() { return SSL_do_handshake(ssl_) == 1; }
  void give(std::string_view sealed) { BIO_write(SSL_get_rbio(ssl_), sealed.data(), static_cast<int>(sealed.size())); }
  std::string take() {
    std::string out(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (!out.empty()) BIO_read(SSL_get_wbio(ssl_), out.data(), static_cast<int>(out.size()));
    return out;
  }
  void write(std::string_view plain) { CHECK(SSL_write(ssl_, plain.data(), static_cast<int>(plain.size())) > 0); }
  std::string read() {
    std::string out;
    char piece[20'000];
    for (int count; (count = SSL_read(ssl_, piece, sizeof piece)) > 0;) out.append(piece, static_cast<size_t>(count));
    return out;
  }
  void goodbye() { SSL_shutdown(ssl_); }
  bool heard_goodbye() const { return SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN; }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  SSL_SESSION* session() { return SSL_get1_session(ssl_); }

 private:
  SSL_CTX* context_;
  SSL* ssl_;
};

struct World {
  Certificate certificate;
  ManualClock clock;
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>(clock);
  std::shared_ptr<TlsSource> source;
  World() {
    auto opened = TlsSource::open(certificate.files(), tickets);
    CHECK(opened.ok());
    source = *opened;
  }
};

void shake_hands(MemoryClient& client, Tls& server) {
  for (int round = 0; round < 6; ++round) {
    client.shake();
    server.keep(client.take());
    if (!server.is_open() && server.has_whole_record()) {
      ASSERT_NE(server.shake_hands(), Tls::Outcome::failed);
    }
    std::string out;
    server.seal({}, out);
    client.give(out);
  }
  ASSERT_TRUE(server.is_open());
  client.read();  // the tickets of 1.3
}

// Hands `sealed` over in pieces; returns what the server reads, and its last outcome.
std::string unseal_in_pieces(Tls& server, std::string_view sealed, std::mt19937& dice, size_t largest, Tls::Outcome& outcome) {
  std::string plain;
  outcome = Tls::Outcome::more;
  while (!sealed.empty() && outcome == Tls::Outcome::more) {
    std::string_view piece = sealed.substr(0, 1 + dice() % largest);
    sealed.remove_prefix(piece.size());
    std::string room(Tls::room_for(piece.size()), '\0');
    const Tls::Unsealed done = server.unseal(piece, room.data());
    plain.append(room, 0, done.bytes);
    outcome = done.outcome;
  }
  return plain;
}

TEST(Tls, BytesComeThroughHoweverTheyAreCut) {
  World world;
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 dice(seed);
    MemoryClient client(seed % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
    Tls server(world.source->current());
    shake_hands(client, server);
    const size_t largest = seed % 4 == 0 ? 1 : 1 + dice() % 66'000;
    std::string sent;
    for (size_t i = 0, count = 1 + dice() % 5; i < count; ++i) {
      std::string part(1 + dice() % (largest == 1 ? 300 : 40'000), static_cast<char>('a' + i));
      client.write(part);
      sent += part;
    }
    Tls::Outcome outcome;
    EXPECT_EQ(unseal_in_pieces(server, client.take(), dice, largest, outcome), sent) << "seed " << seed;
    EXPECT_EQ(outcome, Tls::Outcome::more);
    std::string out;
    ASSERT_TRUE(server.seal(sent, out));
    client.give(out);
    EXPECT_EQ(client.read(), sent) << "seed " << seed;
  }
}

TEST(Tls, SaysAndHearsGoodbye) {
  World world;
  MemoryClient client;
  Tls server(world.source->current());
  shake_hands(client, server);
  client.write("last words");
  client.goodbye();
  std::mt19937 dice(1);
  Tls::Outcome outcome;
  EXPECT_EQ(unseal_in_pieces(server, client.take(), dice, 1, outcome), "last words");
  EXPECT_EQ(outcome, Tls::Outcome::ended);
  std::string out;
  EXPECT_TRUE(server.seal("an answer", out));  // half closed
  EXPECT_TRUE(server.say_goodbye());
  EXPECT_FALSE(server.say_goodbye());
  EXPECT_TRUE(server.seal({}, out));
  EXPECT_FALSE(server.seal("too late", out));
  client.give(out);
  EXPECT_EQ(client.read(), "an answer");
  EXPECT_TRUE(client.heard_goodbye());
}

TEST(Tls, AChangedRecordIsNoticed) {
  World world;
  std::mt19937 dice(7);
  for (int i = 0; i < 50; ++i) {
    MemoryClient client;
    Tls server(world.source->current());
    shake_hands(client, server);
    client.write("one record of some length");
    std::string sealed = client.take();
    sealed[5 + dice() % (sealed.size() - 5)] ^= static_cast<char>(1 << dice() % 8);
    Tls::Outcome outcome;
    EXPECT_EQ(unseal_in_pieces(server, sealed, dice, 100, outcome), "");
    EXPECT_EQ(outcome, Tls::Outcome::failed);
    EXPECT_GT(server.output_bytes(), 0u) << "an alert says so";
    std::string out;
    EXPECT_FALSE(server.seal("an answer", out));
  }
}

// Whether a session resumes after so long.
bool resumes_after(World& world, Micros wait) {
  MemoryClient first(TLS1_2_VERSION);
  Tls server(world.source->current());
  shake_hands(first, server);
  SSL_SESSION* session = first.session();
  world.clock.now += wait;
  MemoryClient second(TLS1_2_VERSION, session);
  Tls again(world.source->current());
  shake_hands(second, again);
  EXPECT_EQ(second.resumed(), again.resumed());
  SSL_SESSION_free(session);
  return again.resumed();
}

TEST(TicketKeys, AreForgottenOnceNoSessionCanNeedThem) {
  World world;
  EXPECT_TRUE(resumes_after(world, 0));
  EXPECT_TRUE(resumes_after(world, limits::ticket_key_us + second_us));  // sealed by the key before
  EXPECT_TRUE(resumes_after(world, limits::ticket_lifetime_us));
  EXPECT_FALSE(resumes_after(world, limits::ticket_key_us + limits::ticket_lifetime_us + second_us));
}

TEST(TicketKeys, AreMadeAnewEveryHour) {
  ManualClock clock;
  TicketKeys keys(clock);
  const auto first = keys.current();
  bool renew = true;
  ASSERT_TRUE(keys.find(first->name, renew));
  EXPECT_FALSE(renew);
  for (int hour = 1; hour <= 3; ++hour) {
    clock.now += limits::ticket_key_us;
    EXPECT_NE(keys.current()->name, first->name);
    EXPECT_EQ(keys.find(first->name, renew).has_value(), true) << hour;
    EXPECT_TRUE(renew);
  }
  clock.now += second_us;
  EXPECT_FALSE(keys.find(first->name, renew));
}

HttpOptions tls_options(const World& world) {
  HttpOptions options;
  options.tls = world.source;
  return options;
}

// The first flight of a client.
std::string client_hello() {
  MemoryClient client;
  client.shake();
  return client.take();
}

TEST(TlsListener, WhoDoesNotShakeHandsIsCutOff) {
  World world;
  HttpOptions options = tls_options(world);
  options.handshake_timeout_us = 150'000;
  TestServer server(options);
  Client silent(server.port()), half(server.port()), hello(server.port()), dripping(server.port());
  half.send(client_hello().substr(0, 40));
  hello.send(client_hello());
  std::string_view drops = "\x16\x03\x01\x01";
  EXPECT_TRUE(eventually([&] {  // a byte now and then does not help
    if (!drops.empty()) dripping.send(drops.substr(0, 1)), drops.remove_prefix(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    return server.counters().timeouts == 4;
  }));
  EXPECT_TRUE(silent.closed_within(3'000));
  EXPECT_TRUE(half.closed_within(3'000));
  EXPECT_TRUE(dripping.closed_within(3'000));
  hello.all();  // the server's flight; then the end
  EXPECT_EQ(server.counters().handshakes_under_way, 0u);
  EXPECT_EQ(server.counters().connections_open, 0u);
}

// Shakes hands over a real connection.
void shake_hands(MemoryClient& tls, Client& wire) {
  while (!tls.shake()) {
    wire.send(tls.take());
    tls.give(wire.some());
  }
  wire.send(tls.take());
}

TEST(TlsListener, SealedBytesThatNobodyReadsAreCutOff) {
  World world;
  HttpOptions options = tls_options(world);
  options.write_timeout_us = 150'000;
  options.send_buffer_bytes = 16 * 1024;
  TestServer server(options);
  Client wire(server.port(), 4096);
  MemoryClient tls;
  shake_hands(tls, wire);
  tls.write("GET /big/4000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  wire.send(tls.take());
  EXPECT_TRUE(eventually([&] { return server.counters().slow_readers == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
}

TEST(TlsListener, RecordsThatNeverEndAreNoActivity) {
  World world;
  HttpOptions options = tls_options(world);
  options.idle_timeout_us = 300'000;
  TestServer server(options);
  Client wire(server.port());
  MemoryClient tls;
  shake_hands(tls, wire);
  tls.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string sealed = tls.take();
  sealed.pop_back();
  EXPECT_TRUE(eventually([&] {
    if (sealed.size() > 1) wire.send(sealed.substr(0, 1)), sealed.erase(0, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return server.counters().timeouts == 1;
  }));
  EXPECT_EQ(server.handler().served, 0);
}

TEST(TlsListener, HandshakesUnderWayAreLimited) {
  World world;
  HttpOptions options = tls_options(world);
  options.handshakes_max = 2;
  TestServer server(options);
  Client first(server.port()), second(server.port()), silent(server.port());
  first.send(client_hello());
  second.send(client_hello());
  ASSERT_TRUE(eventually([&] { return server.counters().handshakes_under_way == 2; }));
  Client third(server.port());
  third.send(client_hello());
  EXPECT_TRUE(third.closed_within(3'000));
  EXPECT_EQ(server.counters().handshakes_refused, 1u);
  first.reset();
  ASSERT_TRUE(eventually([&] { return server.counters().handshakes_under_way == 1; }));
  Client fourth(server.port());
  fourth.send(client_hello());
  EXPECT_TRUE(eventually([&] { return server.counters().handshakes_under_way == 2; }));
}

TEST(TlsListener, ManyWhoLeaveAmidTheirHandshakeLeaveNothing) {
  World world;
  TestServer server(tls_options(world));
  const std::string hello = client_hello();
  for (int i = 0; i < 300; ++i) {
    Client client(server.port());
    client.send(std::string_view(hello).substr(0, i % 3 == 0 ? hello.size() : hello.size() / 2));
    if (i % 2) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return server.counters().connections_accepted == 300 && server.counters().connections_open == 0; }, 10'000));
  EXPECT_EQ(server.counters().handshakes_under_way, 0u);
}

TEST(TlsListener, EndsWithHandshakesUnderWay) {
  World world;
  const std::string hello = client_hello();
  for (int i = 0; i < 20; ++i) {
    TestServer server(tls_options(world));
    Client first(server.port()), second(server.port());
    first.send(hello);
    second.send(hello);
    if (i % 2) eventually([&] { return server.counters().bytes_in > 0; });
  }
}

TEST(TlsListener, DrainsWithHandshakesUnderWay) {
  World world;
  HttpOptions options = tls_options(world);
  options.drain_idle_us = 50'000;
  TestServer server(options);
  Client silent(server.port()), hello(server.port());
  hello.send(client_hello());
  ASSERT_TRUE(eventually([&] { return server.counters().handshakes_under_way == 1; }));
  server.drain();
  EXPECT_TRUE(eventually([&] { return server.drained(); }));
}

}  // namespace
}  // namespace headrace
