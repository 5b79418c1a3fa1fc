// What is masked of card numbers and security codes, and what only looks like one. The numbers are those that payment services publish
// for tests.
#include "codec/card_mask.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "codec/json_walk.h"
#include "src/base/limits.h"

namespace {

using namespace headrace;

std::string masked(std::string json) {
  mask_cards(json.data(), json.size());
  return json;
}

bool may_hold(std::string text) {
  const size_t size = text.size();
  text.append(limits::padding_bytes, '\0');
  return may_hold_card({text.data(), size});
}

constexpr const char* cards[] = {"4111111111111111", "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222",
                                 "5105105105105100", "378282246310005",  "371449635398431",  "6011111111111117", "30569309025904",
                                 "36227206271667",   "3530111333300000", "3566002020360505", "6200000000000005", "6304000000000000"};

TEST(CardMask, EveryBrandAnywhere) {
  for (std::string card : cards) {
    const std::string stars(card.size() - 4, '*'), last = card.substr(card.size() - 4);
    EXPECT_EQ(masked("{\"a\":\"" + card + "\"}"), "{\"a\":\"" + stars + last + "\"}");
    EXPECT_EQ(masked("{\"a\":\"my card is " + card + ", thanks\"}"), "{\"a\":\"my card is " + stars + last + ", thanks\"}");
    EXPECT_EQ(masked("{\"a\":[{\"b\":" + card + "}]}"), "{\"a\":[{\"b\":\"" + stars.substr(2) + last + "\"}]}");
    EXPECT_TRUE(may_hold("{\"a\":\"" + card + "\"}"));
  }
}

TEST(CardMask, Grouped) {
  EXPECT_EQ(masked(R"({"a":"4111 1111 1111 1111"})"), R"({"a":"**** **** **** 1111"})");
  EXPECT_EQ(masked(R"({"a":"4111-1111-1111-1111"})"), R"({"a":"****-****-****-1111"})");
  EXPECT_EQ(masked(R"({"a":"3782 822463 10005"})"), R"({"a":"**** ****** *0005"})");
  EXPECT_EQ(masked(R"({"a":"4111  1111 1111 1111"})"), R"({"a":"4111  1111 1111 1111"})");  // two blanks: no group
}

TEST(CardMask, ByName) {
  EXPECT_EQ(masked(R"({"card_number":"1234 5678 9012"})"), R"({"card_number":"**** **** 9012"})");
  EXPECT_EQ(masked(R"({"cardNumber":123456789012})"), R"({"cardNumber":"******9012"})");
  EXPECT_EQ(masked(R"({"cvv":"123","cvc":1234,"security_code":"999"})"), R"({"cvv":"***","cvc":"**","security_code":"***"})");
  EXPECT_EQ(masked(R"({"card":{"number":"4111111111111111","cvv" : 123 }})"), R"({"card":{"number":"************1111","cvv" : "*" }})");
  EXPECT_TRUE(names_card_data("cvv") && names_card_data("card_number") && !names_card_data("cart") && !names_card_data(""));
}

TEST(CardMask, WhatIsNoneStays) {
  for (const char* text :
       {R"({"a":"4111111111111112"})",                    // check digit
        R"({"a":"411111111111111"})",                     // a digit less
        R"({"a":"41111111111111111"})",                   // one more
        R"({"a":"1759233600000000","b":1759233600000})",  // times
        R"({"a":"490154203237518"})",                     // a phone's number (IMEI)
        R"({"a":"4006381333931"})",                       // an article's number (EAN)
        R"({"user_id":"4111111111111111","orderId":4111111111111111,"ID":"4111111111111111"})",
        R"({"a":"550e8400-e29b-41d4-a716-446655440000"})", R"({"a":"2025-09-30 12:00:00"})", R"({"a":"+49 170 1234567"})",
        R"({"cvv":"12","cvc":"12345","csc":"12a","quantity":123})", R"({"a":4.111111111111111e15,"b":-4111111111111111})",
        R"({"a":"12345678901234567890123456789012345678901"})", "{}", R"({"a":"\"4111\\"})"}) {
    EXPECT_EQ(masked(text), text);
  }
}

// Random texts with and without cards: still JSON, as long as before, nothing left to mask, and the first look misses nothing.
TEST(CardMask, ItStaysJsonOfTheSameLength) {
  std::mt19937 random(1);
  auto any = [&](size_t below) { return random() % below; };
  for (int round = 0; round < 20'000; ++round) {
    std::string json = "{";
    const size_t members = any(6);
    for (size_t i = 0; i < members; ++i) {
      json += i ? ",\"" : "\"";
      json += (i == 0 && any(4) == 0 ? std::string("cvv") : "k" + std::to_string(i)) + "\":";
      std::string digits = any(2) ? cards[any(std::size(cards))] : std::to_string(1 + any(1000));
      if (any(3) == 0 && digits.size() > 8) digits.insert(4, any(2) ? " " : "-");
      const bool grouped = digits.find_first_of(" -") != digits.npos;
      json += grouped || any(2) ? "\"" + std::string(any(3), 'x') + digits + std::string(any(3), '\\').append(any(2), ' ') + "\"" : digits;
      if (json.find('\\') != json.npos) json.erase(std::remove(json.begin(), json.end(), '\\'), json.end());
    }
    json += "}";
    const std::string before = json;
    const bool found = mask_cards(json.data(), json.size());
    ASSERT_EQ(json.size(), before.size());
    ASSERT_EQ(found, json != before) << before;
    ASSERT_TRUE(check_text(padded_copy(json), 1).ok()) << before << "\n" << json;
    ASSERT_TRUE(!found || may_hold(before) || before.find("cvv") != before.npos) << before;
    ASSERT_EQ(masked(json), json);
  }
}

TEST(CardMask, TheFirstLookFindsRunsWhereverTheyStand) {
  for (size_t at = 0; at < 200; ++at) {
    std::string text(230, 'x');
    text.replace(at, 14, "30569309025904");
    EXPECT_TRUE(may_hold(text)) << at;
    text[at + 7] = 'x';
    EXPECT_FALSE(may_hold(text)) << at;
    EXPECT_TRUE(may_hold("30569309025904"));
  }
}

}  // namespace
