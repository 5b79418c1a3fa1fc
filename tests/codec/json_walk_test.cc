// The walk refuses what is no JSON wherever it stands, also what simdjson's first stage lets pass.
#include "codec/json_walk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/event_json.h"
#include "codec/json.h"
#include "codec/time_text.h"

namespace headrace {
namespace {

TEST(JsonWalk, TakesEveryKindOfValueWithAndWithoutBlanks) {
  for (auto text :
       {"{}", "[]", " [ ] ", "{ }", R"({"a":1})", "\n{ \"a\" : [ 1 , -0.5e-3 , true , false , null , \"\" ] }\t",
        R"([{},[],{"":{"":""}},18446744073709551615,-9223372036854775808,1e308,1e-400,1e-99999999999999999999])",
        R"({"\u0061":"\ud83d\ude00\n","b":"\\\""})"})
    EXPECT_TRUE(check_text(text, 1).ok()) << text;
}

TEST(JsonWalk, RefusesWhatIsNoJson) {
  for (auto text :
       {"", " ", "1", "\"a\"", "null", "{", "[", "]", "}", "[}", "{]", "[1", "[1}", "{1:2}", "{\"a\"}", "{a:1}",
        "{\"a\":}", "{\"a\":1,}", "{,}", "[,]", "[1,]", "[1 2]", "[\"a\"\"b\"]", "[1\"a\"]", "[\"a\"1]", "[nul]",
        "[nulll]", "[true1]", "[tru\"e\"]", "[01]", "[-]", "[1.]", "[.5]", "[1e]", "[1e+]", "[+1]", "[--1]",
        "[0x1]", "[1_0]", "[NaN]", "[Infinity]", "[1e400]", "[18446744073709551616]",
        "[-9223372036854775809]", R"(["\x"])", R"(["\u12g4"])", R"(["\ud800"])", R"(["a)", R"(["a\"])",
        R"([\"a"])", R"({"a":1"b":2})", R"({"a":1:2})", "[[1],[2]", "[[1]]]", "{}{}", "[]x", "[1]\\"})
    EXPECT_FALSE(check_text(text, 1).ok()) << text;
}

std::string object_of(size_t count, std::string_view last_key) {
  std::string out = "{";
  for (size_t i = 0; i < count; ++i) out += fmt::format("\"key_{}\":{{\"key_0\":0}},", i);
  return out.append("\"").append(last_key).append("\":1}");
}

// Few keys are compared one by one, many are sorted: on both sides of the border each is found again.
TEST(JsonWalk, NoKeyComesTwice) {
  for (size_t count : {1, 2, 31, 32, 33, 34, 1000}) {
    EXPECT_TRUE(check_text(object_of(count, "key"), 1).ok()) << count;
    for (size_t i : {size_t{0}, count / 2, count - 1})
      EXPECT_FALSE(check_text(object_of(count, fmt::format("key_{}", i)), 1).ok()) << count << " " << i;
  }
  EXPECT_FALSE(check_text(R"({"a":1,"\u0061":2})", 1).ok());
  EXPECT_FALSE(check_text(R"({"":1,"":2})", 1).ok());
  EXPECT_TRUE(check_text(R"({"first one-last one":1,"first two-last one":2,"a":[{"a":1},{"a":2}]})", 1).ok());
}

TEST(JsonWalk, DepthIsThatOfTheValue) {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(check_text(nested(limits::json_depth_max), 1).ok());
  EXPECT_FALSE(check_text(nested(limits::json_depth_max + 1), 1).ok());
  EXPECT_FALSE(check_text(nested(limits::json_depth_max), 2).ok());
  std::string leaf = nested(limits::json_depth_max);
  leaf.insert(limits::json_depth_max, "\"\"");
  EXPECT_FALSE(check_text(leaf, 1).ok());
}

Problem refusal(Result<> read) { return read.ok() ? Problem(Error::internal_error) : read.problem(); }

TEST(EventWalk, WrappersAreCheckedAroundTheirEvents) {
  EventBatch batch;
  ASSERT_TRUE(batch.read_array(R"({"sent":[1],"events":[{"event_type":"a"}],"by":"x"})").ok());
  EXPECT_EQ(batch.entries().size(), 1u);
  for (auto text : {R"({"events":[{"event_type":"a"}],"by":nobody})", R"({"events":[],"events":[]})",
                    R"({"events":[]}})", R"({"by":{"x":1,"x":2},"events":[]})"})
    EXPECT_EQ(refusal(batch.read_array(text)).error, Error::malformed_json) << text;
  for (auto text : {R"({"events":{}})", R"({"event":[]})", "{}", "7"})
    EXPECT_EQ(refusal(batch.read_array(text)).field, "events") << text;
}

TEST(EventWalk, TheFirstBrokenRuleIsToldAndMalformedJsonBehindItIsFound) {
  EventBatch batch;
  ASSERT_TRUE(batch.read_one(R"({"event_type":"a b","data":{"user_id":[]},"timestamp":1})").ok());
  EXPECT_EQ(batch.problem_of(batch.entries()[0]).field, "event_type");
  Problem twice = refusal(batch.read_one(R"({"event_type":"a b","data":{"k":1,"k":2}})"));
  EXPECT_EQ(twice.error, Error::malformed_json);
  EXPECT_EQ(twice.field, "data.k");
  std::string big(limits::event_bytes_max, 'x');
  ASSERT_TRUE(batch.read_one(R"({"event_type":"a","data":{"user_id":[],"x":")" + big + "\"}}").ok());
  EXPECT_EQ(batch.problem_of(batch.entries()[0]).field, "data");
}

TEST(EventWalk, EntitiesMayBeIntegers) {
  EventBatch batch;
  for (auto [written, read] : {std::pair{"-0", "0"},
                               {"-17", "-17"},
                               {"9223372036854775807", "9223372036854775807"},
                               {"\"\\u0061\"", "a"},
                               {"null", ""}}) {
    ASSERT_TRUE(batch.read_one(fmt::format(R"({{"event_type":"a","user_id":{}}})", written)).ok()) << written;
    ASSERT_LT(batch.entries()[0].problem, 0) << written;
    EXPECT_EQ(batch.entries()[0].event.user, read);
  }
  for (auto written : {"1e3", "1.0", "9223372036854775808", "{}"}) {
    ASSERT_TRUE(batch.read_one(fmt::format(R"({{"event_type":"a","user_id":{}}})", written)).ok()) << written;
    EXPECT_GE(batch.entries()[0].problem, 0) << written;
  }
}

TEST(EventWalk, TypesHoldNoNul) {
  EventBatch batch;
  ASSERT_TRUE(batch.read_one(R"({"event_type":"a\u0000"})").ok());
  EXPECT_GE(batch.entries()[0].problem, 0);
}

// Bodies of several indexes, with and without a line that spoils the index of those around it.
TEST(EventWalk, ABadLineSpoilsNoOther) {
  for (std::string_view bad :
       {"{\"event_type\":\"a\"", "{\"event_type\":\"a", "[{\"x\":", "\xff", "\"", "{}}",
        "{\"event_type\":\"a\",", "{\"x\":[", "{\"event_type\":\"\x01\"}", "\\"}) {
    std::string body;
    for (int i = 0; i < 3000; ++i) {
      body += fmt::format(R"({{"event_type":"a","event_id":"{}\n","data":{{"user_id":"u{}"}}}})", i, i) + "\r\n";
      if (i % 1000 == 17) body.append(bad).append("\n \t\r\n");
    }
    EventBatch batch;
    ASSERT_TRUE(batch.read_lines(body).ok());
    ASSERT_EQ(batch.entries().size(), 3003u) << bad;
    int good = 0;
    for (auto& entry : batch.entries()) {
      if (entry.problem >= 0) continue;
      EXPECT_EQ(entry.event.id, fmt::format("{}\n", good));
      EXPECT_EQ(entry.event.user, fmt::format("u{}", good++));
    }
    EXPECT_EQ(good, 3000) << bad;
  }
}

TEST(JsonText, StringsOfEveryLengthAreEscapedWhereverItIsNeeded) {
  for (size_t length = 1; length < 40; ++length)
    for (size_t at = 0; at < length; ++at)
      for (std::string_view bad : {"\"", "\\", "\n", "\x7f", "\x1f", "\xff", "\x80"}) {
        std::string text(length, '~'), out;
        text[at] = bad[0];
        append_json_string(text, out);
        EXPECT_NE(out, "\"" + text + "\"") << length << " " << at;
        EXPECT_TRUE(check_text("[" + out + "]", 1).ok()) << out;
      }
  for (int c = 0x20; c < 0x7f; ++c) {
    if (c == '"' || c == '\\') continue;
    std::string text(11, static_cast<char>(c)), out;
    append_json_string(text, out);
    EXPECT_EQ(out, "\"" + text + "\"");
  }
}

TEST(JsonText, NumbersReadBackAsTheSame) {
  uint64_t bits = 1;
  for (int i = 0; i < 100'000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    double number, back;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    std::string out = "";
    append_json_number(number, out);
    out += ' ';
    ASSERT_TRUE(to_double(out, back)) << out;
    ASSERT_EQ(back, number) << out;
  }
}

// Every character of a time that is one, replaced by every other: what is accepted means the same when its
// digits are read one by one.
TEST(TimeText, OneWrongCharacterIsNoTime) {
  for (std::string_view good :
       {"2024-02-29T23:59:58", "2024-02-29T23:59:58.987654Z", "2024-02-29T23:59:58.987654"})
    for (size_t at = 0; at < good.size(); ++at)
      for (int c = 0; c < 256; ++c) {
        std::string text(good);
        text[at] = static_cast<char>(c);
        bool digit = good[at] >= '0' && good[at] <= '9' && c >= '0' && c <= '9';
        bool word = (at == 10 && (c == 't' || c == ' ')) || (good[at] == '.' && c == ',') ||
                    (good[at] == 'Z' && c >= '0' && c <= '9') ||
                    (at > 20 && at + 1 == good.size() && (c == 'Z' || c == 'z'));
        auto time = parse_time(text);
        EXPECT_TRUE(!time || digit || word || c == good[at]) << text;
        if (!time || !digit) continue;
        std::string back;
        append_time(*time, true, back);
        size_t same = text.substr(17, 2) == "60" ? 0 : std::min<size_t>(text.size(), 26);
        EXPECT_EQ(back.substr(0, same), text.substr(0, same));
      }
  EXPECT_FALSE(parse_time(std::string(10, '\0') + "T12:00:00"));
}

}  // namespace
}  // namespace headrace
