// Fold payloads: what reaches another partition, there and back, under other plans, cut and broken.
#include <gtest/gtest.h>

#include <random>

#include "src/features/fold_payload.h"
#include "tests/features/world.h"

namespace {

using namespace headrace;
using namespace headrace::features;

std::shared_ptr<const Plan> plan_of(std::vector<Definition> definitions) {
  return *Plan::compile(definitions);
}

struct Sent {
  std::shared_ptr<const Plan> plan = plan_of(default_definitions());
  Observation seen;
  std::string payload;

  explicit Sent(std::string_view data, std::string_view type = "buy") {
    Event event;
    event.type = type;
    event.time = 1'759'233'600'000'000;
    event.data = data;
    FieldIndex(plan).extract(event, seen);
    encode_fold(*plan, {EntityKind::session, "s1", 3, 1'000'000}, seen, payload);
  }
};

constexpr std::string_view rich =
    R"({"price":9.99,"quantity":2,"product_id":"p1","page_type":"info","returning_visitor":true,"amount":5,"other":1})";

TEST(FoldPayload, CarriesAllThatDefinitionsSee) {
  Sent sent(rich);
  Observation back;
  auto head = decode_fold(*sent.plan, sent.payload, back);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->kind, EntityKind::session);
  EXPECT_EQ(head->key, "s1");
  EXPECT_EQ(head->source_partition, 3U);
  EXPECT_EQ(head->source_lsn, 1'000'000U);
  EXPECT_EQ(back.time, sent.seen.time);
  EXPECT_EQ(back.type, "buy");
  EXPECT_EQ(back.type_code, sent.seen.type_code);
  EXPECT_EQ(back.matched, sent.seen.matched);
  EXPECT_EQ(back.identity, sent.seen.identity);
  for (size_t i = 0; i < back.number.size(); ++i)
    EXPECT_TRUE(world::same(back.number[i], sent.seen.number[i])) << i;
}

TEST(FoldPayload, IsCompact) {
  EXPECT_LE(Sent("{}").payload.size(), 50U);
  EXPECT_LE(Sent(rich).payload.size(), 120U);
}

// The log outlives the definitions: fields are found by name, whatever slots the reading plan gives them.
TEST(FoldPayload, IsReadByOtherPlans) {
  Sent sent(rich);
  auto other = plan_of({{"user", "a", "max", "purchase", "price", "all_time", ""},
                        {"user", "b", "max", "purchase", "unheard_of", "all_time", ""}});
  Observation back;
  ASSERT_TRUE(decode_fold(*other, sent.payload, back).ok());
  EXPECT_EQ(back.number[1], 9.99);
  EXPECT_TRUE(std::isnan(back.number[2]));
  EXPECT_EQ(back.matched, 1U);
}

TEST(FoldPayload, EveryCutAndEveryTailIsRefused) {
  Sent sent(rich);
  Observation back;
  for (size_t size = 0; size < sent.payload.size(); ++size) {
    std::vector<char> cut(sent.payload.begin(), sent.payload.begin() + static_cast<long>(size));
    auto head = decode_fold(*sent.plan, {cut.data(), cut.size()}, back);
    ASSERT_FALSE(head.ok()) << size;
    EXPECT_EQ(head.problem().error, Error::storage_damaged);
  }
  EXPECT_FALSE(decode_fold(*sent.plan, sent.payload + "x", back).ok());
}

TEST(FoldPayload, BrokenBytesDoNoHarm) {
  Sent sent(rich);
  std::mt19937_64 random(1);
  for (int i = 0; i < 50'000; ++i) {
    std::string broken = sent.payload;
    for (size_t n = 1 + random() % 3; n > 0; --n)
      broken[random() % broken.size()] = static_cast<char>(random());
    Observation back;
    auto head = decode_fold(*sent.plan, broken, back);
    if (!head) continue;
    ASSERT_LT(static_cast<size_t>(head->kind), entity_kinds);
    std::string row;
    fold_row(sent.plan->kind(head->kind), back, row);  // whatever it says can be folded
    read_row(sent.plan->kind(head->kind), row, INT64_MAX);
  }
}

}  // namespace
