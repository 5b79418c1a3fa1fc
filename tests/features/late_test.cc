// Late events at the border of what is remembered: which points stay, and which gaps can still be split.
#include <gtest/gtest.h>

#include "tests/features/world.h"

namespace {

using namespace headrace;
using naive::Fact;
using world::Folder;


// Dwell of a, b and c, and what the window of a week holds of each.
class Late : public ::testing::Test {
 protected:
  enum { seconds_a, seconds_b, seconds_c, week_a, week_b, week_price };

  static std::shared_ptr<const features::Plan> plan() {
    std::vector<features::Definition> definitions = {
        {"user", "seconds_a", "seconds", "a", "", "all_time", ""},
        {"user", "seconds_b", "seconds", "b", "", "all_time", ""},
        {"user", "seconds_c", "seconds", "c", "", "all_time", ""},
        {"user", "week_a", "count", "a", "", "7d", ""},
        {"user", "week_b", "count", "b", "", "7d", ""},
        {"user", "week_price", "sum", "*", "price", "7d", ""},
    };
    return *features::Plan::compile(definitions);
  }

  void fold(std::string type, Micros time, double price = 0) {
    folder_.fold({time, std::move(type), {{"price", world::number(price)}}});
  }
  double read(size_t which) { return folder_.read().values()[which]; }

  // Enough to push everything before them out of the points.
  void crowd(Micros time) {
    for (size_t i = 0; i < limits::feature_points_max; ++i) fold("crowd", time + static_cast<Micros>(i));
  }

  Folder folder_{plan()};
};

TEST_F(Late, AGapWhoseBeginningIsForgottenCanBeSplitWhereItsInstantIsTheNewestForgotten) {
  fold("a", world::noon);
  crowd(world::noon + 100 * second_us);
  EXPECT_EQ(read(seconds_a), 100);
  fold("c", world::noon + 40 * second_us);
  EXPECT_EQ(read(seconds_a), 40);
  EXPECT_EQ(read(seconds_c), 60);
}

TEST_F(Late, AllEventsOfTheForgottenInstantAreSplitTogether) {
  fold("a", world::noon);
  fold("b", world::noon);
  crowd(world::noon + 100 * second_us);
  fold("c", world::noon + 40 * second_us);
  EXPECT_EQ(read(seconds_a), 40);
  EXPECT_EQ(read(seconds_b), 40);
}

TEST_F(Late, AnEventJoinsTheNewestForgottenInstant) {
  fold("a", world::noon);
  crowd(world::noon + 100 * second_us);
  fold("b", world::noon);
  fold("a", world::noon);
  EXPECT_EQ(read(seconds_a), 100);
  EXPECT_EQ(read(seconds_b), 100);
}

TEST_F(Late, AnOlderEventThanTheNewestForgottenOneAddsAndSplitsNothing) {
  fold("a", world::noon);
  fold("b", world::noon + 50 * second_us);
  crowd(world::noon + 100 * second_us);
  fold("c", world::noon + 20 * second_us);
  EXPECT_EQ(read(seconds_a), 50);
  EXPECT_EQ(read(seconds_b), 50);
  EXPECT_EQ(read(seconds_c), 0);
}

TEST_F(Late, AnEventOlderThanAllThatNothingWasForgottenOfIsExact) {
  fold("b", world::noon);
  fold("a", world::noon - 70 * second_us);
  EXPECT_EQ(read(seconds_a), 70);
  fold("c", world::noon - 8 * day_us);  // behind the horizon at once, and still the first of all
  EXPECT_EQ(read(seconds_c), 30 * 60);
  EXPECT_EQ(folder_.read().points, 2U);
}

TEST_F(Late, APointIsForgottenAtExactlyTheHorizon) {
  fold("a", world::noon);
  fold("b", world::noon + limits::feature_horizon_us - 1);
  EXPECT_EQ(folder_.read().points, 2U);
  EXPECT_EQ(read(week_a), 1);
  fold("b", world::noon + limits::feature_horizon_us);
  EXPECT_EQ(folder_.read().points, 2U);
  EXPECT_EQ(read(week_a), 0);
  EXPECT_FALSE(folder_.read().window_truncated);
}

TEST_F(Late, ASessionThatReachesBehindThePointsSaysSo) {
  std::vector<features::Definition> definitions = {{"user", "s", "count", "*", "", "session", ""}};
  auto only_session = *features::Plan::compile(definitions);
  for (Micros silence : {limits::session_gap_us, limits::session_gap_us + 1}) {
    Folder folder(only_session);
    folder.fold({world::noon - silence, "a", {}});
    for (size_t i = 0; i < limits::feature_points_max; ++i)
      folder.fold({world::noon + static_cast<Micros>(i), "a", {}});
    EXPECT_EQ(folder.read().window_truncated, silence == limits::session_gap_us);
    EXPECT_EQ(folder.read().values()[0], static_cast<double>(limits::feature_points_max));
    EXPECT_FALSE(folder.read(world::noon + day_us).window_truncated);
  }
}

// A whole import may carry one time stamp: which of the equal times stay must not depend on their order.
TEST_F(Late, OfEqualTimesTheSameOnesStay) {
  std::vector<Fact> facts;
  world::Random random(3);
  for (int i = 0; i < 800; ++i) {
    facts.push_back({world::noon + (i % 4 == 0), i % 3 ? "a" : "b", {{"price", world::number(i)}}});
  }
  std::vector<double> first;
  for (int round = 0; round < 20; ++round) {
    std::shuffle(facts.begin(), facts.end(), random.engine());
    Folder folder(plan());
    for (const Fact& fact : facts) folder.fold(fact);
    FeatureVector got = folder.read();
    EXPECT_EQ(got.points, limits::feature_points_max);
    EXPECT_TRUE(got.window_truncated);
    std::vector<double> values(got.values().begin(), got.values().end());
    if (round == 0) first = values;
    EXPECT_EQ(values, first);
  }
}

}  // namespace
