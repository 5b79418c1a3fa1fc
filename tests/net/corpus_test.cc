// The corpus, three ways over sockets and cut at every place through the parser alone.
#include "tests/net/corpus.h"

#include <gtest/gtest.h>

#include "src/net/input_buffer.h"
#include "src/net/request_parser.h"
#include "tests/net/fixture.h"

namespace headrace {
namespace {

// The statuses of all answers in `bytes`.
std::string statuses(const std::string& bytes) {
  std::string out;
  for (size_t at = 0; (at = bytes.find("HTTP/1.1 ", at)) != std::string::npos; at += 9) {
    if (!std::isdigit(static_cast<unsigned char>(bytes[at + 9]))) continue;  // a sentence about versions
    if (!out.empty()) out += ' ';
    out += bytes.substr(at + 9, 3);
  }
  return out;
}

TEST(Corpus, has_its_size) { EXPECT_GE(http_corpus().size(), 150u); }

TEST(Corpus, whole) {
  TestServer server;
  for (auto& entry : http_corpus()) {
    Client client(server.port());
    client.send(entry.bytes);
    client.end_sending();
    EXPECT_EQ(statuses(client.all()), entry.answers) << entry.name;
  }
  EXPECT_TRUE(eventually([&] { return server.counters().connections_open == 0; }));
}

TEST(Corpus, byte_by_byte) {
  TestServer server;
  for (auto& entry : http_corpus()) {
    Client client(server.port());
    client.send_bytewise(entry.bytes);
    client.end_sending();
    EXPECT_EQ(statuses(client.all()), entry.answers) << entry.name;
  }
}

TEST(Corpus, in_two_parts) {
  TestServer server;
  for (auto& entry : http_corpus()) {
    Client client(server.port());
    client.send(std::string_view(entry.bytes).substr(0, entry.bytes.size() / 2));
    client.closed_within(1);  // lets the first part be read by itself
    client.send(std::string_view(entry.bytes).substr(entry.bytes.size() / 2));
    client.end_sending();
    EXPECT_EQ(statuses(client.all()), entry.answers) << entry.name;
  }
}

// Runs one request after the other out of pieces, as a connection does; what it would answer.
class Pieces {
 public:
  std::string run(const std::vector<std::string_view>& pieces) {
    for (std::string_view piece : pieces) {
      if (piece.empty()) continue;
      std::memcpy(window_.room(piece.size()), piece.data(), piece.size());
      window_.grew(piece.size());
      consume();
    }
    return answers_;
  }

 private:
  void consume() {
    char* at = window_.data();
    size_t size = window_.size();
    while (size > 0 && !ended_) {
      RequestParser::Step step = parser_.parse(at, size);
      if (step == RequestParser::Step::need_more) {
        size = parser_.seen();
        break;
      }
      if (step == RequestParser::Step::head) {
        Request head;
        parser_.view(at, head);
        parser_.limit_body(head.path == "/small" ? 10 : 1'000'000);
      } else if (step == RequestParser::Step::refused) {
        answer(row_of(parser_.error()).status);
        ended_ = true;
      } else {
        answer(200);
        ended_ = !parser_.head().keep_alive;
        at += parser_.seen();
        size -= parser_.seen();
        parser_.next();
      }
    }
    window_.keep(at, ended_ ? 0 : size);
  }
  void answer(int status) { answers_ += (answers_.empty() ? "" : " ") + std::to_string(status); }

  RequestParser parser_{{limits::target_bytes_max, limits::header_bytes_max, limits::header_count_max}};
  InputBuffer window_;
  std::string answers_;
  bool ended_ = false;
};

TEST(Corpus, cut_at_every_place) {
  for (auto& entry : http_corpus()) {
    std::string_view bytes = entry.bytes;
    size_t step = bytes.size() > 1'000 ? 97 : 1;
    for (size_t cut = 0; cut <= bytes.size(); cut += step) {
      ASSERT_EQ(Pieces().run({bytes.substr(0, cut), bytes.substr(cut)}), entry.answers)
          << entry.name << " at " << cut;
    }
  }
}

TEST(Corpus, every_byte_a_read) {
  for (auto& entry : http_corpus()) {
    std::vector<std::string_view> pieces;
    for (size_t i = 0; i < entry.bytes.size(); ++i)
      pieces.push_back(std::string_view(entry.bytes).substr(i, 1));
    ASSERT_EQ(Pieces().run(pieces), entry.answers) << entry.name;
  }
}

}  // namespace
}  // namespace headrace
