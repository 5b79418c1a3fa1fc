// The virtual schedule: a request is allowed where charging it leaves the schedule less than a window ahead.
#include "src/identity/rate_limit.h"

#include <algorithm>
#include <bit>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/random.h"

namespace headrace {
namespace {

constexpr Micros tick_us = 16;
constexpr unsigned tick_bits = 44;
constexpr uint64_t tick_mask = (uint64_t{1} << tick_bits) - 1;

// Never 0, which is an empty slot's.
uint64_t tag_of(uint64_t key) { return key >> tick_bits | 1; }
uint64_t word_of(uint64_t tag, int64_t ticks) { return tag << tick_bits | (static_cast<uint64_t>(ticks) & tick_mask); }

// How far the slot's schedule is ahead of now; 0 where it is behind.
int64_t ahead_of(uint64_t word, int64_t now) {
  uint64_t difference = (word - static_cast<uint64_t>(now)) & tick_mask;
  return difference >> (tick_bits - 1) ? 0 : static_cast<int64_t>(difference);
}

// A rate in ticks. Rounded so that no more passes than it says.
struct Schedule {
  int64_t interval, whole;
  explicit Schedule(const Rate& rate)
      : interval(std::max<int64_t>(1, (rate.window_us / rate.count + tick_us - 1) / tick_us)),
        whole(interval * rate.count) {}

  // Further ahead it is only where the clock was set back: that is forgiven.
  int64_t debt_of(uint64_t word, int64_t now) const {
    int64_t ahead = ahead_of(word, now);
    return ahead > whole ? 0 : ahead;
  }
  RateVerdict verdict(const Rate& rate, int64_t debt) const {
    RateVerdict out;
    out.limit = rate.count;
    out.reset_us = debt * tick_us;
    out.remaining = (whole - debt) / interval;
    return out;
  }
};

// Waiting until a moment of the clock must not fall short of it.
int64_t ticks_of(Micros now) { return now / tick_us; }

}  // namespace

RateLimiter::RateLimiter(size_t slots)
    : mask_(std::bit_ceil(std::max(slots, ways) / ways) - 1),
      seed_(thread_random().next()),
      slots_((mask_ + 1) * ways) {
  CHECK(mask_ <= tick_mask);  // the bucket and the tag are different bits of the key
}

uint64_t RateLimiter::key_of(std::string_view what, std::string_view who) const {
  return hash64(who, hash64(what, seed_));
}

RateLimiter::Place RateLimiter::find(uint64_t key, int64_t now) const {
  const Slot* bucket = &slots_[(key & mask_) * ways];
  Place least{bucket, 0, false};
  int64_t least_ahead = INT64_MAX;
  for (const Slot* slot = bucket; slot != bucket + ways; ++slot) {
    uint64_t word = slot->load(std::memory_order_relaxed);
    if (word >> tick_bits == tag_of(key)) return {slot, word, true};
    int64_t ahead = word == 0 ? -1 : ahead_of(word, now);
    if (ahead < least_ahead) least = {slot, word, false}, least_ahead = ahead;
  }
  return least;
}

RateVerdict RateLimiter::look(uint64_t key, const Rate& rate, Micros now_us) const {
  int64_t now = ticks_of(now_us);
  Schedule schedule(rate);
  Place place = find(key, now);
  return schedule.verdict(rate, place.known ? schedule.debt_of(place.word, now) : 0);
}

RateVerdict RateLimiter::take(uint64_t key, const Rate& rate, Micros now_us, int64_t cost) {
  CHECK(rate.count > 0 && cost >= 0);
  int64_t now = ticks_of(now_us);
  Schedule schedule(rate);
  while (true) {
    Place place = find(key, now);
    int64_t debt = place.known ? schedule.debt_of(place.word, now) : 0, charged = debt + cost * schedule.interval;
    if (charged > schedule.whole) {
      RateVerdict out = schedule.verdict(rate, debt);
      out.allowed = false;
      out.retry_after_us = (now + charged - schedule.whole) * tick_us - now_us;
      return out;
    }
    uint64_t word = word_of(tag_of(key), now + charged);
    if (const_cast<Slot*>(place.slot)->compare_exchange_weak(place.word, word, std::memory_order_relaxed))
      return schedule.verdict(rate, charged);
  }
}

}  // namespace headrace
