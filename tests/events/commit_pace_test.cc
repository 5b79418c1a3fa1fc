// When a group commit goes: who waits alone goes at once, who was joined before is waited for, and not for ever.
#include "src/events/commit_pace.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

// A pace that has seen commits of `took` long enough to believe it.
CommitPace used_to(Micros took) {
  CommitPace pace;
  for (int i = 0; i < 200; ++i) pace.observe(took);
  return pace;
}

TEST(CommitPace, ALoneClientNeverWaits) {
  CommitPace pace = used_to(200);
  for (Micros now = 1'000; now < 10'000; now += 1'000) EXPECT_TRUE(pace.go(1, now));
}

TEST(CommitPace, WaitsForAsManyAsBeforeAndGoesWhenTheyAreThere) {
  CommitPace pace = used_to(200);
  EXPECT_TRUE(pace.go(8, 1'000));
  EXPECT_FALSE(pace.go(3, 1'010));
  EXPECT_FALSE(pace.go(7, 1'020));
  EXPECT_TRUE(pace.go(8, 1'030));
  EXPECT_TRUE(pace.go(9, 1'040));
}

TEST(CommitPace, WaitsNoLongerThanACommitTakes) {
  CommitPace pace = used_to(200);
  EXPECT_TRUE(pace.go(8, 1'000));
  EXPECT_FALSE(pace.go(3, 2'000));
  Micros deadline = pace.deadline();
  EXPECT_GT(deadline, 2'000 + 150);
  EXPECT_LE(deadline, 2'000 + 200);
  EXPECT_FALSE(pace.go(4, deadline - 1));
  EXPECT_EQ(pace.deadline(), deadline);  // one more does not prolong it
  EXPECT_TRUE(pace.go(4, deadline));
  EXPECT_TRUE(pace.go(4, deadline + 10));  // and no more are expected than came
}

TEST(CommitPace, ASlowDiskDoesNotMakeItWaitWithoutBound) {
  CommitPace pace = used_to(30'000);
  EXPECT_TRUE(pace.go(8, 1'000));
  EXPECT_FALSE(pace.go(3, 2'000));
  EXPECT_LE(pace.deadline(), 2'000 + limits::commit_wait_us_max);
}

}  // namespace
}  // namespace headrace
