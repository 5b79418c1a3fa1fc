// WebSocket frames: masks against the definition, the RFC's examples, round trips in every cut, UTF-8 in pieces.
#include "codec/websocket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace headrace::websocket {
namespace {

constexpr ReaderLimits small_limits{1000, 8};

std::string bytes_of(std::initializer_list<int> values) {
  std::string out;
  for (int value : values) out.push_back(static_cast<char>(value));
  return out;
}

uint32_t key_of(std::string_view four) {
  uint32_t key;
  std::memcpy(&key, four.data(), sizeof key);
  return key;
}

// What a reader makes of bytes that come in pieces of `piece` bytes.
std::string story_of(std::string bytes, size_t piece, Reader::Peer peer = Reader::Peer::client) {
  Reader reader(peer, small_limits);
  std::string story;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    std::span<char> input(bytes.data() + at, std::min(piece, bytes.size() - at));
    while (!input.empty() || piece == 0) {
      Reader::Step step = reader.next(input);
      if (step == Reader::Step::need_more) {
        EXPECT_TRUE(input.empty());
        break;
      }
      if (step == Reader::Step::failed) return story + "failed " + std::to_string(reader.failure().code);
      story += std::to_string(static_cast<int>(reader.opcode())) + ":" + std::string(reader.payload()) + " ";
    }
  }
  return story;
}

TEST(WebSocketMask, is_the_definition_at_every_offset_and_length) {
  std::mt19937 dice(1);
  const std::string key = bytes_of({0x37, 0xfa, 0x21, 0x3d});
  for (size_t offset = 0; offset < 9; ++offset)
    for (size_t length = 0; length < 70; ++length) {
      std::string text(length, 0);
      for (char& c : text) c = static_cast<char>(dice());
      std::string want = text;
      for (size_t i = 0; i < length; ++i) want[i] = static_cast<char>(want[i] ^ key[(i + offset) % 4]);
      apply_mask(text, key_of(key), offset);
      EXPECT_EQ(text, want) << offset << " " << length;
    }
}

TEST(WebSocketReader, knows_the_examples_of_the_standard) {  // RFC 6455 section 5.7
  std::string hello = bytes_of({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58});
  EXPECT_EQ(story_of(hello, 100), "1:Hello ");
  EXPECT_EQ(story_of(bytes_of({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}), 100, Reader::Peer::server), "1:Hello ");
  std::string parts = bytes_of({0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f});
  EXPECT_EQ(story_of(parts, 100, Reader::Peer::server), "1:Hello ");
  std::string ping = bytes_of({0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f});
  EXPECT_EQ(story_of(ping, 100, Reader::Peer::server), "9:Hello ");
  std::string written;
  append_frame(Opcode::text, "Hello", written);
  EXPECT_EQ(written, bytes_of({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}));
  written.clear();
  append_masked_frame(Opcode::text, "Hello", key_of(bytes_of({0x37, 0xfa, 0x21, 0x3d})), written);
  EXPECT_EQ(written, hello);
}

TEST(WebSocketReader, reads_what_was_written_however_it_is_cut) {
  std::string wire;
  for (size_t length : {0, 1, 125, 126, 127, 300, 1000})
    append_masked_frame(Opcode::binary, std::string(length, 'x'), 0x04030201, wire);
  append_masked_frame(Opcode::ping, "are you there", 0xffffffff, wire);
  std::string whole = story_of(wire, wire.size());
  EXPECT_EQ(std::count(whole.begin(), whole.end(), 'x'), 0 + 1 + 125 + 126 + 127 + 300 + 1000);
  for (size_t piece = 1; piece < 40; ++piece) EXPECT_EQ(story_of(wire, piece), whole);
}

TEST(WebSocketReader, keeps_its_limits) {
  std::string wire;
  append_masked_frame(Opcode::text, std::string(1001, 'x'), 1, wire);
  EXPECT_EQ(story_of(wire, 7), "failed 1009");
  wire.clear();
  for (int i = 0; i < 9; ++i) {
    append_masked_frame(i == 0 ? Opcode::text : Opcode::continuation, "", 1, wire);
    wire[wire.size() - 6] &= 0x7f;  // no fin
  }
  EXPECT_EQ(story_of(wire, 100), "failed 1008");
}

TEST(WebSocketWriter, cuts_a_reason_between_characters) {
  std::string out, reason;
  for (int i = 0; i < 50; ++i) reason += "€";
  append_close(1000, reason, out);
  EXPECT_EQ(out.size(), 2u + 2 + 123);
  EXPECT_TRUE(is_utf8(std::string_view(out).substr(4)));
  out.clear();
  append_close(1000, "€€" + std::string(120, 'x'), out);
  EXPECT_EQ(out.size(), 2u + 2 + 123);
  out.clear();
  append_close(1000, std::string(122, 'x') + "€", out);
  EXPECT_EQ(out.size(), 2u + 2 + 122);
  out.clear();
  append_close(close_code::none_given, "unsaid", out);
  EXPECT_EQ(out, bytes_of({0x88, 0x00}));
}

TEST(WebSocketClose, codes_that_may_be_sent) {
  for (int code = 0; code <= 0xffff; ++code) {
    bool want = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
    EXPECT_EQ(is_close_code(static_cast<uint16_t>(code)), want) << code;
  }
}

TEST(Utf8Check, agrees_with_the_whole_text_in_every_cut) {
  std::mt19937 dice(7);
  constexpr std::string_view interesting[] = {"a",    "\x80", "\xbf", "\x8f", "\x90", "\x9f", "\xa0", "\xc1", "\xc2", "\xdf", "\xe0",
                                              "\xe1", "\xed", "\xef", "\xf0", "\xf3", "\xf4", "\xf5", "\xff", "é",    "€",    "😀"};
  size_t good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(dice() % 3 ? dice() % 5 : dice() % 90, 'x');
    for (size_t i = 0, parts = dice() % 5; i < parts; ++i) text += interesting[dice() % std::size(interesting)];
    Utf8Check check;
    bool fits = true;
    for (std::string_view rest = text; fits && !rest.empty();) {
      size_t piece = std::min<size_t>(rest.size(), 1 + dice() % (dice() % 2 ? 2 : 100));
      fits = check.take(rest.substr(0, piece));
      rest.remove_prefix(piece);
    }
    EXPECT_EQ(fits && check.whole(), is_utf8(text)) << round;
    good += is_utf8(text);
  }
  EXPECT_GT(good, 3'000u);
  EXPECT_LT(good, 15'000u);
}

TEST(Utf8Check, says_at_once_what_can_no_longer_become_text) {
  for (std::string_view bad : {"\xc0", "\xc1", "\xf5", "\xff", "\x80", "\xe0\x80", "\xe0\x9f", "\xed\xa0", "\xf0\x80", "\xf0\x8f",
                               "\xf4\x90", "\xc3" "a", "\xe2\x82" "a", "\xf0\x9f\x9b" "a"}) {
    Utf8Check check;
    bool fits = true;
    for (char c : bad) fits = fits && check.take({&c, 1});
    EXPECT_FALSE(fits) << testing::PrintToString(bad);
  }
}

}  // namespace
}  // namespace headrace::websocket
