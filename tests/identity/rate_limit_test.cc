// The rate limiter against its definition, and what a flood can and cannot do to it.
#include "src/identity/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace headrace {
namespace {

constexpr Rate ten_a_second{10, second_us};

TEST(RateLimit, GivesTheBurstThenOneByOne) {
  RateLimiter limiter(64);
  uint64_t key = limiter.key_of("x", "a");
  for (int i = 0; i < 10; ++i) {
    RateVerdict verdict = limiter.take(key, ten_a_second, 0);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, 9 - i);
    EXPECT_EQ(verdict.reset_us, (i + 1) * 100'000);
  }
  RateVerdict refused = limiter.take(key, ten_a_second, 0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after_us, 100'000);
  EXPECT_FALSE(limiter.take(key, ten_a_second, 99'999).allowed);
  EXPECT_TRUE(limiter.take(key, ten_a_second, 100'000).allowed);
  EXPECT_FALSE(limiter.take(key, ten_a_second, 100'000).allowed);
  EXPECT_EQ(limiter.look(key, ten_a_second, 10 * second_us).remaining, 10);
}

// Over any stretch of time no more pass than the burst and what came back in it; and what is refused may pass when it was
// told to come.
TEST(RateLimit, KeepsTheRateAndItsPromise) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    RateLimiter limiter(64);
    Rate rate{1 + static_cast<int64_t>(random() % 20), 1000 + static_cast<Micros>(random() % 1'000'000)};
    Micros interval = rate.window_us / rate.count, now = 0;
    std::deque<Micros> passed;
    uint64_t key = limiter.key_of("x", std::to_string(round));
    for (int i = 0; i < 400; ++i) {
      now += static_cast<Micros>(random() % static_cast<uint64_t>(interval * 2));
      RateVerdict verdict = limiter.take(key, rate, now);
      if (!verdict.allowed) {
        now += verdict.retry_after_us;
        EXPECT_TRUE(limiter.take(key, rate, now).allowed);
      }
      passed.push_back(now);
    }
    for (size_t first = 0; first < passed.size(); ++first)
      for (size_t last = first; last < passed.size(); ++last)
        ASSERT_LE(static_cast<Micros>(last - first + 1), rate.count + (passed[last] - passed[first]) / interval + 1);
  }
}

TEST(RateLimit, AFloodOfOthersDoesNotFreeWhoIsShort) {
  RateLimiter limiter(4096);
  uint64_t key = limiter.key_of("login", "victim");
  while (limiter.take(key, {5, minute_us}, 0).allowed) {
  }
  for (int i = 0; i < 2000; ++i) (void)limiter.take(limiter.key_of("login", std::to_string(i)), {5, minute_us}, 0);
  EXPECT_FALSE(limiter.take(key, {5, minute_us}, 0).allowed);
}

TEST(RateLimit, AClockThatIsSetBackLocksNobodyOut) {
  RateLimiter limiter(64);
  uint64_t key = limiter.key_of("x", "a");
  while (limiter.take(key, ten_a_second, hour_us).allowed) {
  }
  EXPECT_EQ(limiter.look(key, ten_a_second, 0).remaining, 10);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.take(key, ten_a_second, 0).allowed);
  EXPECT_FALSE(limiter.take(key, ten_a_second, 0).allowed);
}

// An hour of a hundred: what rounding to ticks must not take away, nor many threads add to.
TEST(RateLimit, ThreadsShareOneCount) {
  RateLimiter limiter(64);
  for (Rate rate : {Rate{100, hour_us}, Rate{1000, hour_us}, Rate{7, 1'000'003}}) {
    uint64_t key = limiter.key_of("x", std::to_string(rate.count));
    std::atomic<int64_t> passed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int64_t i = 0; i < rate.count; ++i) passed += limiter.take(key, rate, 123'456'789'012).allowed;
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(passed, rate.count);
  }
}

TEST(RateLimit, KeepsCountWhereTicksBeginAnew) {
  constexpr Micros turn = Micros{16} << 44;
  for (Micros now : {turn - second_us / 2, turn - 1, turn, 3 * turn - 1'000}) {
    RateLimiter limiter(64);
    uint64_t key = limiter.key_of("x", "a");
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.take(key, ten_a_second, now).allowed);
    EXPECT_FALSE(limiter.take(key, ten_a_second, now).allowed);
    EXPECT_EQ(limiter.look(key, ten_a_second, now + 2 * second_us).remaining, 10);
  }
}

TEST(RateLimit, KeysOfDifferentThingsAreDifferent) {
  RateLimiter limiter(64), another(64);
  EXPECT_NE(limiter.key_of("a", "x"), limiter.key_of("b", "x"));
  EXPECT_NE(limiter.key_of("a", "x"), limiter.key_of("a", "y"));
  EXPECT_NE(limiter.key_of("a", "x"), another.key_of("a", "x"));  // not to be guessed
}

}  // namespace
}  // namespace headrace
