// What an observation takes from an event's data, from well-formed to nonsense.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "src/features/field_index.h"
#include "src/features/field_scan.h"
#include "src/features/words.h"

namespace {

using namespace headrace;
using namespace headrace::features;

// Number slots 1..3: price, quantity, value; identity slots 1, 2: product_id, region.
std::shared_ptr<const Plan> plan() {
  std::vector<Definition> definitions = {
      {"user", "a", "sum", "*", "price*quantity", "all_time", ""},
      {"user", "b", "sum", "transaction", "value", "all_time", ""},
      {"user", "c", "distinct", "view", "product_id", "all_time", ""},
      {"user", "d", "count", "*[region=eu]", "", "all_time", ""},
  };
  return *Plan::compile(definitions);
}

enum Slot { price = 1, quantity, value };
enum Text { product_id = 1, region };

class Extract : public ::testing::Test {
 protected:
  const Observation& of(std::string_view data, std::string_view type = "view") {
    Event event;
    event.type = type;
    event.data = data;
    event.time = 7;
    fields_.extract(event, seen_);
    return seen_;
  }

  FieldIndex fields_{plan()};
  Observation seen_;
};

TEST_F(Extract, NumbersTextsAndBooleans) {
  const Observation& seen =
      of(R"({"price":12.5,"quantity":3,"product_id":"p1","region":true,"value":false})");
  EXPECT_EQ(seen.number[0], 1);
  EXPECT_EQ(seen.number[price], 12.5);
  EXPECT_EQ(seen.number[quantity], 3);
  EXPECT_EQ(seen.number[value], 0);
  EXPECT_EQ(seen.identity[product_id], identity_of("p1"));
  EXPECT_EQ(seen.identity[region], identity_of("true"));
  EXPECT_EQ(seen.time, 7);
  EXPECT_EQ(seen.type, "view");
}

TEST_F(Extract, MissingAndMistyped) {
  for (const char* data :
       {"{}", R"({"price":"12","product_id":null})", R"({"price":[1],"product_id":{"a":"b"}})",
        R"({"price":1e999,"x":{"price":4,"y":["product_id","price"]}})"}) {
    const Observation& seen = of(data);
    EXPECT_TRUE(std::isnan(seen.number[price])) << data;
    EXPECT_EQ(seen.number[quantity], 1) << data;
    EXPECT_EQ(seen.identity[product_id], 0U) << data;
  }
}

TEST_F(Extract, ANumberAndItsTextAreOneIdentity) {
  EXPECT_EQ(of(R"({"product_id": 44600062 })").identity[product_id],
            of(R"({"product_id":"44600062"})").identity[product_id]);
}

TEST_F(Extract, SynonymsAndTheLastOneCounts) {
  EXPECT_EQ(of(R"({"amount":5})").number[value], 5);
  EXPECT_EQ(of(R"({"amount":5,"value":6})").number[value], 6);
  EXPECT_EQ(of(R"({"amount":5,"value":"six"})").number[value], 5);
  EXPECT_EQ(of(R"({"item_id":"x"})").identity[product_id], identity_of("x"));
}

TEST_F(Extract, SpaceAnywhere) {
  const Observation& seen = of(" {\n\t\"price\" :\r\n 2.25 , \"product_id\"\t:  \"a b\" } ");
  EXPECT_EQ(seen.number[price], 2.25);
  EXPECT_EQ(seen.identity[product_id], identity_of("a b"));
}

TEST_F(Extract, EscapedKeysAndTexts) {
  const Observation& seen = of(R"({"\u0070rice":3,"product_id":"caf\u00e9 \"x\""})");
  EXPECT_EQ(seen.number[price], 3);
  EXPECT_EQ(seen.identity[product_id], identity_of("caf\xc3\xa9 \"x\""));
}

TEST_F(Extract, ClausesMatchByTypeSynonymAndText) {
  EXPECT_EQ(of(R"({"region":"eu"})", "pv").matched, 0b1101U);
  EXPECT_EQ(of(R"({"region":"us"})", "product_view").matched, 0b0101U);
  EXPECT_EQ(of(R"({"region":"eu"})", "transaction").matched, 0b1011U);
  EXPECT_EQ(of(R"({"region":"eu"})", "anything").matched, 0b1001U);
  EXPECT_EQ(of("{}", "").matched, 0b0001U);
}

TEST_F(Extract, TimesAreKeptApartFromOverflow) {
  Event event;
  event.type = "x";
  event.time = INT64_MIN;
  fields_.extract(event, seen_);
  EXPECT_GT(seen_.time, INT64_MIN / 4);
}

// Random JSON, as a producer would write it.
class Json {
 public:
  explicit Json(uint64_t seed) : random_(seed) {}

  std::string object(int depth = 3, bool top = true) {
    std::string out = "{";
    size_t members = random_() % 8;
    for (size_t i = 0; i < members; ++i) {
      out += (i ? "," : "") + space() + '"' + key(top, i) + '"' + space() + ":" + space() + value(depth) +
             space();
    }
    return out + "}";
  }

 private:
  std::string key(bool top, size_t i) {
    static const char* known[] = {"price", "quantity", "value", "product_id", "region", "amount", "item_id"};
    // Distinct keys, as intake demands.
    if (top && i < 7 && random_() % 2) return known[i];
    return "k" + std::to_string(i) + std::string(random_() % 70, 'x');
  }
  std::string space() {
    return std::string(random_() % 5 == 0 ? random_() % 4 : 0, " \n\t\r"[random_() % 4]);
  }
  std::string text() {
    std::string out;
    for (size_t n = random_() % 30; n > 0; --n) out += "abc{}[]:, \xc3\xa9"[random_() % 11];
    while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xc3) out.pop_back();
    std::string valid;
    for (char c : out) valid += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : "\xc3\xa9";
    return '"' + valid + '"';
  }
  std::string number() {
    char out[64];
    switch (random_() % 5) {
      case 0:
        std::snprintf(out, sizeof(out), "%lld", static_cast<long long>(random_()));
        break;
      case 1:
        std::snprintf(out, sizeof(out), "%d.%02d", static_cast<int>(random_() % 1000),
                      static_cast<int>(random_() % 100));
        break;
      case 2:
        std::snprintf(out, sizeof(out), "%.17g",
                      std::ldexp(static_cast<double>(random_()), static_cast<int>(random_() % 100) - 90));
        break;
      case 3:
        std::snprintf(out, sizeof(out), "-%de%d", static_cast<int>(random_() % 100),
                      static_cast<int>(random_() % 600) - 300);
        break;
      default:
        std::snprintf(out, sizeof(out), "%d", static_cast<int>(random_() % 100));
        break;
    }
    return out;
  }
  std::string value(int depth) {
    switch (random_() % (depth > 0 ? 8 : 6)) {
      case 0:
        return "null";
      case 1:
        return random_() % 2 ? "true" : "false";
      case 2:
      case 3:
        return number();
      case 4:
      case 5:
        return text();
      case 6:
        return object(depth - 1, false);
      default:
        return "[" + value(depth - 1) + "," + value(depth - 1) + "]";
    }
  }

  std::mt19937_64 random_;
};

bool equal(const Observation& a, const Observation& b) {
  bool same = a.matched == b.matched && a.identity == b.identity;
  for (size_t i = 0; i < a.number.size(); ++i) {
    same &= a.number[i] == b.number[i] || (std::isnan(a.number[i]) && std::isnan(b.number[i]));
  }
  return same;
}

// An escape anywhere sends an object to simdjson's parser, which must see the same.
TEST_F(Extract, ScannerAndParserAgreeOnRandomObjects) {
  Json json(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string data = json.object();
    Observation scanned = of(data);
    std::string escaped = data.substr(0, data.rfind('}'));
    escaped += std::string(escaped.find(':') == escaped.npos ? "" : ",") + R"("\u007a":0})";
    ASSERT_TRUE(equal(of(escaped), scanned)) << data;
  }
}

// Cut and broken objects: no crash, nothing read out of bounds (the text ends where its memory ends).
TEST_F(Extract, BrokenObjectsDoNoHarm) {
  Json json(2);
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string data = json.object();
    data.resize(random() % (data.size() + 1));
    if (!data.empty() && random() % 2) data[random() % data.size()] = static_cast<char>(random());
    std::vector<char> exact(data.begin(), data.end());
    of({exact.data(), exact.size()});
    EXPECT_EQ(seen_.number[0], 1);
  }
}

TEST(NumberOf, IsCorrectlyRounded) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) {
    char text[64];
    auto a = static_cast<long long>(random() >> (random() % 64));
    int digits = static_cast<int>(random() % 16);
    std::snprintf(text, sizeof(text), "%s%lld.%0*lld", random() % 2 ? "-" : "", a < 0 ? -(a + 1) : a,
                  digits + 1, static_cast<long long>(random() % 100'000));
    EXPECT_EQ(std::bit_cast<uint64_t>(number_of(text)), std::bit_cast<uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
  for (const char* text :
       {"0", "-0", "5", "1e5", "1E-5", "123456789012345", "1234567890123456", "0.000000000000001",
        "123456789.123456", "99999999999999.9", "1.7976931348623157e308", "2.2250738585072014e-308"}) {
    EXPECT_EQ(std::bit_cast<uint64_t>(number_of(text)), std::bit_cast<uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
}

TEST(NumberOf, RefusesWhatIsNone) {
  for (const char* text :
       {"",     "-",     ".",   ".5",  "5.",   "01",   "-007",  "5.e1", "123456789012345678.",
        "1..2", "1.2.3", "nan", "inf", "-inf", "0x10", "1e999", "1e",   "12a",
        "+1",   "--1"}) {
    EXPECT_TRUE(std::isnan(number_of(text))) << text;
  }
}

}  // namespace
