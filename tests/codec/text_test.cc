// Times, UTF-8, percent coding and content codings.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/content_coding.h"
#include "codec/time_text.h"
#include "codec/url.h"
#include "codec/utf8.h"

namespace headrace {
namespace {

std::string shown(Micros time) {
  std::string out;
  append_time(time, true, out);
  return out;
}

TEST(TimeText, ComesBackAsItWent) {
  for (Micros time :
       {Micros{0}, Micros{1}, Micros{1759226400500000}, Micros{951782400000000}, Micros{4102444799999999}}) {
    auto back = parse_time(shown(time));
    ASSERT_TRUE(back.has_value()) << shown(time);
    EXPECT_EQ(*back, time);
  }
  EXPECT_EQ(shown(1759226400500000), "2025-09-30T10:00:00.500000Z");
}

TEST(TimeText, ZonesAndFractions) {
  Micros noon = *parse_time("2025-09-30T12:00:00");
  EXPECT_EQ(parse_time("2025-09-30T12:00:00Z"), noon);
  EXPECT_EQ(parse_time("2025-09-30 12:00:00"), noon);
  EXPECT_EQ(parse_time("2025-09-30T14:00:00+02:00"), noon);
  EXPECT_EQ(parse_time("2025-09-30T07:30:00-0430"), noon);
  EXPECT_EQ(parse_time("2025-09-30T12:00:00.123"), noon + 123'000);
  EXPECT_EQ(parse_time("2025-09-30T12:00:00.1234567Z"), noon + 123'456);
}

TEST(TimeText, Durations) {
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_EQ(parse_duration("90s"), 90 * second_us);
  EXPECT_EQ(parse_duration("30m"), 30 * minute_us);
  EXPECT_EQ(parse_duration("24h"), day_us);
  EXPECT_EQ(parse_duration("36500d"), 36'500 * day_us);
  for (std::string_view text : {"", "d", "7", "7 d", "7w", "-7d", "+7d", "7.5d", "7dd", "36501d",
                                "99999999999999999999s", "1e3s", "0x1s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (auto text :
       {"", "2025", "2025-09-30", "2025-13-01T00:00:00", "2025-02-29T00:00:00", "2025-09-30T24:00:00",
        "2025-09-30T12:60:00", "2025-09-30T12:00:00.", "2025-09-30T12:00:00X", "2025-09-30T12:00:00+25:00",
        "2025-09-30T12:00:00ZZ", "1969-12-31T23:59:59", "2025/09/30T12:00:00", "2025-9-30T12:00:00"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Utf8, WellFormedSequencesOnly) {
  EXPECT_TRUE(is_utf8("aé€😀"));
  for (auto text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Url, DecodesStrictly) {
  EXPECT_EQ(percent_decode("a%20b%C3%A9+c", true), "a b\xc3\xa9 c");
  EXPECT_EQ(percent_decode("a+c", false), "a+c");
  for (auto text : {"%", "%4", "%zz", "a%00b", "%ff"}) EXPECT_FALSE(percent_decode(text, true)) << text;
}

TEST(Url, SplitsQueries) {
  std::string_view query = "a=1&&b=&c&d=x=y", name, value;
  std::string all;
  while (next_parameter(query, name, value)) all.append(name).append(":").append(value).append(";");
  EXPECT_EQ(all, "a:1;b:;c:;d:x=y;");
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  std::string out(compressBound(text.size()) + 32, 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), 0);
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

TEST(ContentCoding, DecodesWithinTheCap) {
  std::string text(200'000, 'x'), out;
  text += "end";
  for (auto& [coding, body] :
       {std::pair{"gzip", gzip(text)}, {"GZIP", gzip(text)}, {"zstd", zstd(text)}, {"identity", text}}) {
    ASSERT_TRUE(decode_content(coding, body, text.size(), out).ok()) << coding;
    EXPECT_EQ(out, text) << coding;
  }
}

TEST(ContentCoding, BombsStopAtTheCap) {
  std::string text(50'000'000, 'x'), out;
  for (auto& [coding, body] : {std::pair{"gzip", gzip(text)}, {"zstd", zstd(text)}}) {
    auto done = decode_content(coding, body, 1'000'000, out);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.problem().error, Error::body_too_large) << coding;
    EXPECT_LE(out.capacity(), 4'000'000u);
  }
}

TEST(ContentCoding, EveryPrefixIsRefused) {
  std::string out;
  for (auto& [coding, body] :
       {std::pair{"gzip", gzip("some text, some text")}, {"zstd", zstd("some text, some text")}}) {
    for (size_t i = 0; i < body.size(); ++i)
      EXPECT_FALSE(decode_content(coding, body.substr(0, i), 1000, out).ok()) << coding << i;
    EXPECT_FALSE(decode_content(coding, body + "x", 1000, out).ok());
  }
  EXPECT_FALSE(decode_content("br", "x", 1000, out).ok());
}

TEST(ContentCoding, WhatIsEncodedDecodes) {
  std::string repeated;
  while (repeated.size() < 3'000'000) repeated += R"({"event_type":"page_view","n":)" + std::to_string(repeated.size()) + "}";
  std::string coded, out;
  for (Coding coding : {Coding::gzip, Coding::zstd})
    for (std::string_view body : {std::string_view(), std::string_view("x"), std::string_view(repeated), std::string_view(repeated).substr(0, 70'000)}) {
      encode_content(coding, body, coded);
      ASSERT_TRUE(decode_content(name_of(coding), coded, body.size() + 1, out).ok()) << name_of(coding) << body.size();
      EXPECT_EQ(out, body);
      EXPECT_TRUE(body.size() < 1000 || coded.size() * 4 < body.size());
    }
}

}  // namespace
}  // namespace headrace
