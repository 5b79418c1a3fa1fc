// Events as bytes: there and back, and every way of being cut or changed.
#include "codec/event.h"

#include <gtest/gtest.h>

#include <random>

namespace {

using headrace::Event;

Event example() {
  Event event;
  event.id = "evt_1";
  event.type = "page_view";
  event.source = "producer-service";
  event.user = "u1";
  event.cart = "c9";
  event.data = R"({"user_id":"u1","cart_id":"c9"})";
  event.time = 1'759'233'600'000'000;
  return event;
}

std::string bytes_of(const Event& event) {
  std::string bytes;
  encode(event, bytes);
  return bytes;
}

void expect_same(const Event& a, const Event& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.session, b.session);
  EXPECT_EQ(a.cart, b.cart);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.time, b.time);
}

std::string random_text(std::mt19937_64& random, size_t length_max) {
  std::string text(random() % (length_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(EventCodec, RoundTrip) {
  std::string bytes = bytes_of(example());
  auto back = headrace::decode_event(bytes);
  ASSERT_TRUE(back.ok());
  expect_same(*back, example());
  EXPECT_EQ(back->routing_key(), "u1");
}

TEST(EventCodec, KnownBytes) {
  Event event;
  event.id = "i";
  event.type = "t";
  event.source = "s";
  event.session = "x";
  event.data = "{}";
  event.time = -1;
  EXPECT_EQ(bytes_of(event), std::string("\x02\x01\x01i\x01t\x01s\x01x{}"));
}

TEST(EventCodec, RandomEventsRoundTrip) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 5'000; ++i) {
    std::string texts[7];
    for (std::string& text : texts) text = random_text(random, random() % 8 == 0 ? 300 : 20);
    Event event{texts[0], texts[1], texts[2], texts[3],
                texts[4], texts[5], texts[6], static_cast<headrace::Micros>(random())};
    for (std::string_view* key : {&event.user, &event.session, &event.cart})
      if (random() % 2 == 0) *key = event.data.substr(random() % (event.data.size() + 1), random() % 30);
    std::string bytes = bytes_of(event);
    auto back = headrace::decode_event(bytes);
    ASSERT_TRUE(back.ok());
    expect_same(*back, event);
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST(EventCodec, KeysThatDataSaysAreNotWrittenTwice) {
  Event event = example();
  event.user = event.data.substr(12, 2), event.cart = event.data.substr(27, 2);
  ASSERT_EQ(event.user, "u1");
  ASSERT_EQ(event.cart, "c9");
  std::string bytes = bytes_of(event);
  EXPECT_EQ(bytes.size(), bytes_of(example()).size() - 2);  // two numbers instead of a length and the text
  auto back = headrace::decode_event(bytes);
  ASSERT_TRUE(back.ok());
  expect_same(*back, event);
  EXPECT_EQ(back->cart.data(), back->data.data() + 27);
  size_t cart_at = bytes.size() - event.data.size() - 2;
  for (auto [offset, size] : {std::pair{31, 1}, std::pair{30, 2}, std::pair{0, 32}, std::pair{5, 0}}) {
    bytes[cart_at] = static_cast<char>(offset), bytes[cart_at + 1] = static_cast<char>(size);
    EXPECT_FALSE(headrace::decode_event(bytes).ok()) << offset << "+" << size;
  }
  bytes[cart_at] = 29, bytes[cart_at + 1] = 2;
  EXPECT_TRUE(headrace::decode_event(bytes).ok());
}

// Data is the rest, so only cuts before it can be noticed.
TEST(EventCodec, EveryCutBeforeTheDataIsRefused) {
  std::string bytes = bytes_of(example());
  size_t data_at = bytes.size() - example().data.size();
  for (size_t size = 0; size < data_at; ++size) {
    auto cut = headrace::decode_event(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.problem().error, headrace::Error::storage_damaged);
  }
}

TEST(EventCodec, UnknownFlagsAndEmptyAnnouncedKeysAreRefused) {
  std::string bytes = bytes_of(example());
  bytes[0] = static_cast<char>(bytes[0] | 64);
  EXPECT_FALSE(headrace::decode_event(bytes).ok());
  EXPECT_FALSE(headrace::decode_event(std::string("\x01\x00\x01i\x01t\x01s\x00{}", 10)).ok());
}

TEST(EventCodec, AnyBytesEitherAreRefusedOrEncodeToTheSameMeaning) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = random_text(random, 40);
    if (!bytes.empty()) bytes[0] &= 63;
    auto event = headrace::decode_event(bytes);
    if (!event) continue;
    std::string again = bytes_of(*event);
    auto back = headrace::decode_event(again);
    ASSERT_TRUE(back.ok());
    expect_same(*back, *event);
  }
}

}  // namespace
