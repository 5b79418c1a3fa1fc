// Shapes to and from JSON: values come back as they went, and every broken rule names its field.
#include "codec/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>

#include "codec/schema.h"

namespace headrace {
namespace {

struct Line {
  std::string sku;
  int64_t quantity = 1;
  static constexpr auto shape() {
    return std::tuple{field("sku", &Line::sku, "Article", length(1, 8)),
                      field("quantity", &Line::quantity, "How many", between(1, 99), optional_field)};
  }
};

struct Order {
  std::string customer, channel = "web";
  std::optional<double> discount;
  bool gift = false;
  std::vector<Line> lines;
  std::map<std::string, double> scores;
  Timestamp placed;
  RawJson extra;
  static constexpr auto shape() {
    return std::tuple{field("customer", &Order::customer, "Who"),
                      field("channel", &Order::channel, "Where", one_of("web", "shop"), optional_field),
                      field("discount", &Order::discount, "Part of the price", between(0, 1)),
                      field("gift", &Order::gift, "Wrapped", optional_field),
                      field("lines", &Order::lines, "Articles", length(1, 3)),
                      field("scores", &Order::scores, "By name", optional_field),
                      field("placed", &Order::placed, "When", optional_field),
                      field("extra", &Order::extra, "Anything", optional_field)};
  }
};

Problem problem_of(std::string_view text) {
  auto order = from_json<Order>(text);
  EXPECT_FALSE(order.ok()) << text;
  return order.ok() ? Problem(Error::internal_error) : order.problem();
}

TEST(Json, ReadsEveryKindOfMember) {
  auto order = from_json<Order>(
      R"({"customer":"Zo\u00eb \"Q\"","channel":"shop","discount":0.25,"gift":true,"lines":[{"sku":"a","quantity":3},{"sku":"b"}],)"
      R"("scores":{"x":1.5,"y":-2},"placed":"2025-09-30T12:00:00.5+02:00","extra":{"k":[1,{"z":null}]},"unknown":[{}]})");
  ASSERT_TRUE(order.ok()) << order.problem().text();
  EXPECT_EQ(order->customer, "Zoë \"Q\"");
  EXPECT_EQ(order->channel, "shop");
  EXPECT_EQ(order->discount, 0.25);
  EXPECT_TRUE(order->gift);
  ASSERT_EQ(order->lines.size(), 2u);
  EXPECT_EQ(order->lines[0].quantity, 3);
  EXPECT_EQ(order->lines[1].quantity, 1);
  EXPECT_EQ(order->scores.at("y"), -2);
  EXPECT_EQ(order->placed.us, 1759226400500000);
  EXPECT_EQ(order->extra.text, R"({"k":[1,{"z":null}]})");
}

TEST(Json, WritesWhatItReads) {
  auto order = from_json<Order>(
      R"({"customer":"a\u0001\n","discount":0.1,"lines":[{"sku":"a","quantity":3}],"scores":{"x":1e300},"extra":[1, 2]})");
  ASSERT_TRUE(order.ok());
  std::string text = to_json(*order);
  EXPECT_EQ(
      text,
      R"({"customer":"a\u0001\n","channel":"web","discount":0.1,"gift":false,"lines":[{"sku":"a","quantity":3}],)"
      R"("scores":{"x":1e+300},"placed":"1970-01-01T00:00:00.000000Z","extra":[1, 2]})");
  auto again = from_json<Order>(text);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(to_json(*again), text);
}

TEST(Json, BrokenRulesNameTheirField) {
  struct Case {
    std::string_view text, field, rule;
    Error error;
  };
  for (auto& c : std::initializer_list<Case>{
           {R"({"lines":[{"sku":"a"}]})", "customer", "Missing required field: customer",
            Error::missing_field},
           {R"({"customer":"c"})", "lines", "Missing required field: lines", Error::missing_field},
           {R"({"customer":7,"lines":[{"sku":"a"}]})", "customer", "must be a string", Error::invalid_input},
           {R"({"customer":null,"lines":[{"sku":"a"}]})", "customer", "must be a string",
            Error::invalid_input},
           {R"({"customer":"c","lines":[]})", "lines", "must have between 1 and 3 elements",
            Error::invalid_input},
           {R"({"customer":"c","lines":{}})", "lines", "must be an array", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"},{"sku":""}]})", "lines[1].sku",
            "must have between 1 and 8 bytes", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a","quantity":1.5}]})", "lines[0].quantity",
            "must be an integer", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a","quantity":100}]})", "lines[0].quantity",
            "must be between 1 and 99", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"}],"discount":2})", "discount", "must be between 0 and 1",
            Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"}],"channel":"fax"})", "channel",
            "must be one of web, shop", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"}],"gift":"yes"})", "gift", "must be true or false",
            Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"}],"placed":"yesterday"})", "placed",
            "must be an ISO 8601 time such as 2025-09-30T12:00:00Z", Error::invalid_input},
           {R"({"customer":"c","lines":[{"sku":"a"}],"scores":{"x":"1"}})", "scores.x", "must be a number",
            Error::invalid_input},
       }) {
    Problem problem = problem_of(c.text);
    EXPECT_EQ(problem.field, c.field) << c.text;
    EXPECT_EQ(problem.detail, c.rule) << c.text;
    EXPECT_EQ(problem.error, c.error) << c.text;
  }
}

TEST(Json, MalformedTextIsRefused) {
  std::string deep = R"({"customer":"c","lines":[{"sku":"a"}],"unknown":)" + std::string(80, '[') +
                     std::string(80, ']') + "}";
  std::string deep_raw =
      R"({"customer":"c","lines":[{"sku":"a"}],"extra":)" + std::string(80, '[') + std::string(80, ']') + "}";
  for (std::string_view text : {
           std::string_view(""),
           std::string_view("{"),
           std::string_view("nul"),
           std::string_view("{\"unknown\":[1,2"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}]} x)"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],})"),
           std::string_view(R"({"customer":"c","customer":"d","lines":[{"sku":"a"}]})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":1,"u":2})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":{"v":1,"v":2}})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"extra":{"v":1,"v":2}})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":NaN})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":1e999})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":01})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"u":"\x"})"),
           std::string_view(R"({"customer":"c","lines":[{"sku":"a"}],"extra":["\x"]})"),
           std::string_view("{\"customer\":\"\xff\",\"lines\":[{\"sku\":\"a\"}]}"),
           std::string_view("{\"customer\":\"\n\",\"lines\":[{\"sku\":\"a\"}]}"),
           std::string_view(deep),
           std::string_view(deep_raw),
       })
    EXPECT_EQ(problem_of(text).error, Error::malformed_json) << text;
}

TEST(Json, EveryPrefixOfAValidTextIsRefused) {
  std::string_view whole =
      R"({"customer":"c","lines":[{"sku":"a"}],"extra":{"a":[1,true,null,"x"]},"discount":0.5})";
  ASSERT_TRUE(from_json<Order>(whole).ok());
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_FALSE(from_json<Order>(whole.substr(0, i)).ok()) << i;
}

TEST(Json, NumbersThatAreNoJsonBecomeNull) {
  std::string out;
  append_json_number(NAN, out);
  append_json_number(INFINITY, out);
  append_json_number(3.0, out);
  EXPECT_EQ(out, "nullnull3");
}

TEST(Json, AFloatIsWrittenAsShortAsItReadsBack) {
  std::string out;
  append_json_number(0.1f, out);
  append_json_number(-3.0f, out += ' ');
  append_json_number(16'777'216.0f, out += ' ');
  append_json_number(NAN, out += ' ');
  EXPECT_EQ(out, "0.1 -3 16777216 null");
  for (uint32_t bits = 1; bits < 0x7f800000; bits += 7'654'321) {
    float number = std::bit_cast<float>(bits);
    out.clear();
    append_json_number(number, out);
    EXPECT_EQ(std::strtof(out.c_str(), nullptr), number) << out;
  }
}

struct Answer {
  std::string_view name;
  float share = 0;
  std::optional<Written<Line>> line;
  std::vector<Written<Line>> lines;
  static constexpr auto shape() {
    return std::tuple{field("name", &Answer::name, "Borrowed"), field("share", &Answer::share, "A float"),
                      field("line", &Answer::line, "Written before"), field("lines", &Answer::lines, "Many")};
  }
};

TEST(Json, WritesWhatWasBorrowedAndWhatWasWrittenBefore) {
  std::string name = "a \"b\"";
  Answer answer{name, 0.2f, {}, {}};
  EXPECT_EQ(to_json(answer), R"({"name":"a \"b\"","share":0.2,"lines":[]})");
  Written<Line> line{to_json(Line{"x", 2})};
  answer.line = line, answer.lines = {line, line};
  EXPECT_EQ(to_json(answer), R"({"name":"a \"b\"","share":0.2,"line":{"sku":"x","quantity":2},)"
                             R"("lines":[{"sku":"x","quantity":2},{"sku":"x","quantity":2}]})");
}

TEST(Json, WhatIsOnlyWrittenCannotBeRead) {
  EXPECT_EQ(from_json<Answer>(R"({"name":"a"})").problem().error, Error::internal_error);
}

TEST(Schema, OfWhatWasWrittenIsThatOfTheType) {
  std::string written, plain;
  write_schema(type_of<Written<Line>>(), {}, written);
  write_schema(type_of<Line>(), {}, plain);
  EXPECT_EQ(written, plain);
}

TEST(Json, BytesThatAreNoUtf8AreReplaced) {
  std::string out;
  append_json_string("a\xff\xc3\xa9\xed\xa0\x80", out);
  EXPECT_EQ(out, "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(Parameters, FollowTheSameRules) {
  auto& shape = *type_of<Line>().shape;
  Line line;
  EXPECT_TRUE(read_parameter("12", shape.fields[1], &line).ok());
  EXPECT_EQ(line.quantity, 12);
  for (auto text : {"", "x", "1.5", "12 ", "0", "100", "99999999999999999999"})
    EXPECT_FALSE(read_parameter(text, shape.fields[1], &line).ok()) << text;
}

TEST(Schema, SaysWhatTheShapeSays) {
  std::string out;
  write_schema(type_of<Line>(), {}, out);
  EXPECT_EQ(
      out,
      R"({"type":"object","properties":{"sku":{"description":"Article","type":"string","minLength":1,"maxLength":8},)"
      R"("quantity":{"description":"How many","type":"integer","minimum":1,"maximum":99}},"required":["sku"]})");
}

}  // namespace
}  // namespace headrace
