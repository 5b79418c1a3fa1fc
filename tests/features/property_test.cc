// Incremental folds against the naive computation: every aggregate, every window, any order of arrival.
#include <gtest/gtest.h>

#include "tests/features/world.h"

namespace {

using headrace::FeatureVector;
using headrace::Micros;
using headrace::features::Definition;
using headrace::features::Plan;
using naive::Fact;
using world::Folder;
using world::Random;

std::shared_ptr<const Plan> compiled(const std::vector<Definition>& definitions) {
  auto plan = Plan::compile(definitions);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.problem().text());
  return *plan;
}

// Distinct values of all time are counted exactly up to a bound, then within three standard errors.
bool close_enough(const Definition& d, double got, double want) {
  bool sketched =
      d.aggregate == "distinct" && d.window == "all_time" && want > headrace::limits::feature_sparse_max;
  return sketched ? std::fabs(got / want - 1) < 3 * 1.04 / std::sqrt(2048) : world::same(got, want);
}

void expect_equal(const std::vector<Definition>& definitions, const FeatureVector& got,
                  const naive::Scene& scene, bool with_dwell = true) {
  ASSERT_EQ(got.count, definitions.size());
  for (size_t i = 0; i < definitions.size(); ++i) {
    const Definition& d = definitions[i];
    if (!with_dwell && d.aggregate == "seconds" && d.window == "all_time") continue;
    double want = naive::feature(d, scene);
    EXPECT_TRUE(close_enough(d, got.values()[i], want))
        << d.aggregate << "(" << d.value << ") of " << d.events << " in " << d.window << ": got "
        << got.values()[i] << ", want " << want;
  }
}

// As-of times worth asking about: the default, just behind, long after, in the middle, at edges of windows.
std::vector<Micros> moments(const std::vector<Fact>& facts, Random& random) {
  Micros last = facts.back().time;
  std::vector<Micros> all = {last,
                             last + 1,
                             last + 300'000'000,
                             last + 1'800'000'000,
                             last + 1'800'000'001,
                             last + 3 * 86'400'000'000};
  for (int i = 0; i < 4; ++i) all.push_back(facts[random.below(facts.size())].time + random.chance(0.5));
  return all;
}

// Only a question about the past, of an entity older than the horizon, may be answered in part, and it says
// so.
bool answered_in_part(const FeatureVector& got, const std::vector<Fact>& facts) {
  if (!got.window_truncated) return false;
  EXPECT_LT(got.as_of, facts.back().time);
  EXPECT_LE(facts.front().time, facts.back().time - headrace::limits::feature_horizon_us);
  return true;
}

TEST(Features, IncrementalFoldEqualsNaiveComputation) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto definitions = world::definitions(random);
    auto facts = world::facts(1 + random.below(120), random);
    Folder folder(compiled(definitions));
    for (const Fact& fact : facts) folder.fold(fact);
    for (Micros as_of : moments(facts, random)) {
      FeatureVector got = folder.read(as_of);
      if (!answered_in_part(got, facts)) expect_equal(definitions, got, {facts, as_of});
    }
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(Features, EveryPrefixIsRight) {
  Random random(77);
  auto definitions = world::definitions(random);
  auto facts = world::facts(200, random);
  Folder folder(compiled(definitions));
  std::vector<Fact> sofar;
  for (const Fact& fact : facts) {
    folder.fold(fact);
    sofar.push_back(fact);
    FeatureVector got = folder.read();
    EXPECT_EQ(got.as_of, fact.time);
    EXPECT_EQ(got.events, sofar.size());
    expect_equal(definitions, got, {sofar, fact.time});
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(Features, OrderOfArrivalDoesNotMatterWithinTheHorizon) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto definitions = world::definitions(random);
    auto facts = world::facts(1 + random.below(100), random);
    while (facts.back().time - facts.front().time >= headrace::limits::feature_horizon_us) facts.pop_back();
    auto shuffled = facts;
    std::shuffle(shuffled.begin(), shuffled.end(), random.engine());
    Folder folder(compiled(definitions));
    for (const Fact& fact : shuffled) folder.fold(fact);
    for (Micros as_of : moments(facts, random)) expect_equal(definitions, folder.read(as_of), {facts, as_of});
    FeatureVector got = folder.read();
    EXPECT_EQ(got.first_time, facts.front().time);
    EXPECT_EQ(got.last_time, facts.back().time);
    EXPECT_FALSE(got.window_truncated);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

// Beyond horizon and bound everything but all-time dwell is still independent of the order, dropped points
// included.
TEST(Features, OrderDoesNotMatterBeyondTheHorizonEither) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto definitions = world::definitions(random);
    auto facts = world::facts(300 + random.below(900), random);
    auto shuffled = facts;
    std::shuffle(shuffled.begin(), shuffled.end(), random.engine());
    Folder in_order(compiled(definitions)), out_of_order(compiled(definitions));
    for (const Fact& fact : facts) in_order.fold(fact);
    for (const Fact& fact : shuffled) out_of_order.fold(fact);
    for (Micros as_of : moments(facts, random)) {
      FeatureVector a = in_order.read(as_of), b = out_of_order.read(as_of);
      EXPECT_EQ(a.points, b.points);
      EXPECT_EQ(a.window_truncated, b.window_truncated);
      for (size_t i = 0; i < definitions.size(); ++i) {
        if (definitions[i].aggregate == "seconds" && definitions[i].window == "all_time") continue;
        EXPECT_TRUE(world::same(a.values()[i], b.values()[i]))
            << definitions[i].aggregate << definitions[i].window;
      }
      if (!a.window_truncated) expect_equal(definitions, a, {facts, as_of});
    }
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(Features, DwellIsExactForEventsThatAreNotOlderThanTheNewestForgottenOne) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Definition> definitions = {
        {"user", "a", "seconds", "page_view | product_view", "", "all_time", ""},
        {"user", "b", "seconds", "*[region=eu]", "", "all_time", ""},
        {"user", "c", "seconds", "*", "", "all_time", ""},
    };
    auto facts = world::facts(1500, random);
    Folder folder(compiled(definitions));
    // Arrive late by up to 20 places, which is never behind 512 points; times may be long past.
    for (size_t i = 0; i < facts.size(); i += 20) {
      auto end = std::min(facts.size(), i + 20);
      if (facts[end - 1].time - facts[i].time > headrace::limits::feature_horizon_us / 2) continue;
      std::shuffle(facts.begin() + static_cast<long>(i), facts.begin() + static_cast<long>(end),
                   random.engine());
    }
    for (const Fact& fact : facts) folder.fold(fact);
    auto sorted = facts;
    std::sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.time < b.time; });
    EXPECT_GT(sorted.back().time - sorted.front().time, headrace::limits::feature_horizon_us);
    expect_equal(definitions, folder.read(), {sorted, sorted.back().time});
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(Features, SameRecordsGiveSameBytes) {
  Random random(5);
  auto definitions = world::definitions(random);
  auto facts = world::facts(700, random);
  std::shuffle(facts.begin(), facts.end(), random.engine());
  Folder a(compiled(definitions)), b(compiled(definitions));
  for (const Fact& fact : facts) a.fold(fact);
  b.row.assign(std::string(1 << 20, 0x5A));  // another history of memory
  b.row.clear();

  for (const Fact& fact : facts) b.fold(fact);
  EXPECT_EQ(a.row, b.row);
}

}  // namespace
