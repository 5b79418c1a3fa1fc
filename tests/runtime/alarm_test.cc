// Alarms ring once, not early, and at the earliest moment asked for.
#include "src/runtime/alarm.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Alarm, RingsOnceAtTheEarliestMomentAskedFor) {
  Loop loop;
  Micros rang = 0;
  int times = 0;
  Micros start = system_clock().monotonic();
  Alarm late(loop, [&] { loop.stop(); });
  Alarm alarm(loop, [&] {
    rang = system_clock().monotonic();
    ++times;
  });
  alarm.at_latest(start + 40'000);
  alarm.at_latest(start + 5'000);
  alarm.at_latest(start + 20'000);  // it is set for an earlier moment already
  late.at_latest(start + 80'000);
  loop.run();
  EXPECT_EQ(times, 1);
  EXPECT_GE(rang, start + 5'000);
}

TEST(Alarm, RingsForAMomentThatIsPastAndAgainWhenSetAgain) {
  Loop loop;
  int times = 0;
  Alarm* self = nullptr;
  Alarm alarm(loop, [&] {
    if (++times == 3) return loop.stop();
    self->at_latest(0);
  });
  self = &alarm;
  alarm.at_latest(system_clock().monotonic() - 1'000);
  loop.run();
  EXPECT_EQ(times, 3);
}

TEST(Alarm, DoesNotRingWhenItIsGone) {
  Loop loop;
  bool rang = false;
  Alarm end(loop, [&] { loop.stop(); });
  Micros now = system_clock().monotonic();
  {
    Alarm gone(loop, [&] { rang = true; });
    gone.at_latest(now + 1'000);
  }
  end.at_latest(now + 10'000);
  loop.run();
  EXPECT_FALSE(rang);
}

}  // namespace
}  // namespace headrace
