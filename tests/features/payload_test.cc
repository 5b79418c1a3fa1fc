// Folds: what reaches another partition, there and back, under other plans, cut and broken.
#include <gtest/gtest.h>

#include <bit>
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
  FieldIndex fields{plan};
  FoldWriter writer{plan};
  Observation seen;
  std::string folds;
  Lsn lsn = 1'000'000;

  Sent() { writer.begin(folds); }
  explicit Sent(std::string_view data, std::string_view type = "buy") : Sent() { add(data, type); }

  void add(std::string_view data, std::string_view type, Micros time = world::noon) {
    Event event;
    event.type = type;
    event.time = time;
    event.data = data;
    fields.extract(event, seen);
    writer.add(rank_of(lsn, EntityKind::session), "s1", seen, folds);
    ++lsn;
  }
};

// All folds that are there; nothing where the bytes are broken.
std::optional<std::vector<Fold>> read_all(const Plan& plan, std::string_view folds) {
  FoldReader reader(plan, folds);
  std::vector<Fold> all(1);
  while (reader.next(all.back())) all.emplace_back();
  all.pop_back();
  return reader.failed() ? std::nullopt : std::optional(all);
}

void expect_same(const Observation& got, const Observation& sent) {
  EXPECT_EQ(got.time, sent.time);
  EXPECT_EQ(got.type, sent.type);
  EXPECT_EQ(got.type_spelling, sent.type_spelling);
  EXPECT_EQ(got.type_code, sent.type_code);
  EXPECT_EQ(got.matched, sent.matched);
  EXPECT_EQ(got.identity, sent.identity);
  for (size_t i = 0; i < got.number.size(); ++i)
    EXPECT_TRUE(world::same(got.number[i], sent.number[i]) &&
                std::signbit(got.number[i]) == std::signbit(sent.number[i]))
        << i;
}

constexpr std::string_view rich =
    R"({"price":9.99,"quantity":2,"product_id":"p1","page_type":"info","returning_visitor":true,"amount":5,"other":1})";

TEST(Folds, CarryAllThatDefinitionsSee) {
  Sent sent(rich);
  auto got = read_all(*sent.plan, sent.folds);
  ASSERT_TRUE(got && got->size() == 1);
  const Fold& fold = got->front();
  EXPECT_EQ(fold.kind(), EntityKind::session);
  EXPECT_EQ(fold.key, "s1");
  EXPECT_EQ(fold.source_lsn(), 1'000'000U);
  EXPECT_EQ(fold.seen.type, "buy");
  EXPECT_EQ(fold.seen.number[0], 1);
  expect_same(fold.seen, sent.seen);
}

TEST(Folds, FollowEachOtherInAnyMixture) {
  world::Random random(5);
  Sent sent;
  std::vector<Observation> seen;
  std::vector<std::string> kept;
  kept.reserve(2000);
  for (const naive::Fact& fact : world::facts(1000, random)) {
    if (random.chance(0.01)) sent.writer.begin(sent.folds);
    kept.push_back(fact.json());
    kept.push_back(random.chance(0.1) ? "type_" + std::to_string(random.below(30)) : fact.type);
    sent.lsn += random.below(1000);
    sent.add(kept[kept.size() - 2], kept.back(),
             fact.time - static_cast<Micros>(random.below(1'000'000'000)));
    seen.push_back(sent.seen);
  }
  auto got = read_all(*sent.plan, sent.folds);
  ASSERT_TRUE(got && got->size() == seen.size());
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_NO_FATAL_FAILURE(expect_same((*got)[i].seen, seen[i])) << i;
  EXPECT_EQ(got->back().rank, rank_of(sent.lsn - 1, EntityKind::session));
}

// Whatever bits a number has, it comes back with them.
TEST(Folds, NumbersComeBackAsTheyWere) {
  Sent sent;
  std::mt19937_64 random(6);
  std::vector<double> numbers = {0.0,   -0.0,           0.01,  -0.01,  0.1 + 0.2, 19.99, 1e13,
                                 -1e13, 99999999999.99, 1e300, 5e-324, 1e-7,      0.005, 12.345};
  for (int i = 0; i < 20'000; ++i) {
    auto any = std::bit_cast<double>(random());
    numbers.push_back(i % 2                ? static_cast<double>(random() % 100'000'000) / 100
                      : std::isfinite(any) ? any
                                           : 1.5);
  }
  for (double number : numbers) {
    sent.seen = sent.plan->blank();
    sent.seen.number[1] = number;
    sent.writer.add(rank_of(++sent.lsn, EntityKind::user), "u", sent.seen, sent.folds);
  }
  auto got = read_all(*sent.plan, sent.folds);
  ASSERT_TRUE(got && got->size() == numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint64_t>((*got)[i].seen.number[1]), std::bit_cast<uint64_t>(numbers[i]))
        << numbers[i];
}

TEST(Folds, AreCompact) {
  Sent sent(R"({"price":199.95,"quantity":2,"product_id":"p1"})");
  size_t first = sent.folds.size();
  EXPECT_LE(first, 80U);
  sent.add(R"({"price":199.95,"quantity":2,"product_id":"p1"})", "buy", world::noon + 3);
  EXPECT_LE(sent.folds.size() - first, 22U);
}

// The log outlives the definitions: fields are found by name, whatever slots the reading plan gives them.
TEST(Folds, AreReadByOtherPlans) {
  Sent sent(rich);
  auto other = plan_of({{"user", "a", "max", "purchase", "price", "all_time", ""},
                        {"user", "b", "max", "purchase", "unheard_of", "all_time", ""}});
  auto got = read_all(*other, sent.folds);
  ASSERT_TRUE(got && got->size() == 1);
  EXPECT_EQ(got->front().seen.number[1], 9.99);
  EXPECT_TRUE(std::isnan(got->front().seen.number[2]));
  EXPECT_EQ(got->front().seen.matched, 1U);
}

// A type that no definition named when the fold was made may be named by those that read it.
TEST(Folds, ATypeOutlivesThePlanThatDidNotKnowIt) {
  Sent sent("{}", "newsletter_opened");
  auto other = plan_of({{"session", "a", "count", "newsletter_opened", "", "all_time", ""}});
  EXPECT_EQ(read_all(*other, sent.folds)->front().seen.matched, 1U);
}

TEST(Folds, EveryCutAndEveryTailIsRefused) {
  Sent sent;
  size_t head = sent.folds.size();
  sent.add(rich, "buy");
  for (size_t size = 1; size < sent.folds.size(); ++size) {
    std::vector<char> cut(sent.folds.begin(), sent.folds.begin() + static_cast<long>(size));
    if (size == head) continue;
    EXPECT_FALSE(read_all(*sent.plan, {cut.data(), cut.size()})) << size;
  }
  EXPECT_FALSE(read_all(*sent.plan, sent.folds + "x"));
  EXPECT_FALSE(read_all(*sent.plan, std::string_view(sent.folds).substr(head))) << "no head";
}

TEST(Folds, BrokenBytesDoNoHarm) {
  Sent sent(rich);
  sent.add(rich, "view");
  std::mt19937_64 random(1);
  for (int i = 0; i < 50'000; ++i) {
    std::string broken = sent.folds;
    for (size_t n = 1 + random() % 3; n > 0; --n)
      broken[random() % broken.size()] = static_cast<char>(random());
    std::vector<char> exact(broken.begin(), broken.end());  // ends where its memory ends
    auto got = read_all(*sent.plan, {exact.data(), exact.size()});
    if (!got) continue;
    for (const Fold& fold : *got) {
      RowBytes row;
      fold_row(sent.plan->kind(fold.kind()), fold.seen, row);  // whatever it says can be folded
      read_row(sent.plan->kind(fold.kind()), row, INT64_MAX);
    }
  }
}

}  // namespace
