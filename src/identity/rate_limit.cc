// The virtual schedule: a request is allowed where charging it leaves the schedule less than a window ahead.
#include "src/identity/rate_limit.h"

#include <algorithm>
#include <bit>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/random.h"

namespace headrace {
namespace {

RateVerdict verdict(const Rate& rate, Micros interval, Micros whole_at, Micros now) {
  RateVerdict out;
  out.limit = rate.count;
  out.reset_us = std::max<Micros>(0, whole_at - now);
  out.remaining = std::max<Micros>(0, rate.window_us - out.reset_us) / interval;
  return out;
}

Micros interval_of(const Rate& rate) { return std::max<Micros>(1, rate.window_us / rate.count); }

}  // namespace

// More than a window ahead it is only where the clock was set back: that is forgiven.
Micros RateLimiter::known_whole_at(const Slot& slot, const Rate& rate, Micros now) {
  return slot.whole_at > now + interval_of(rate) * rate.count ? now : std::max(slot.whole_at, now);
}

RateLimiter::RateLimiter(size_t slots)
    : mask_(std::bit_ceil(std::max(slots, ways) / ways) - 1),
      seed_(thread_random().next()),
      slots_((mask_ + 1) * ways) {}

uint64_t RateLimiter::key_of(std::string_view what, std::string_view who) const {
  uint64_t key = hash64(who, hash64(what, seed_));
  return key == 0 ? 1 : key;  // 0 is an empty slot
}

const RateLimiter::Slot* RateLimiter::find(uint64_t key) const {
  const Slot* bucket = &slots_[(key & mask_) * ways];
  for (const Slot* slot = bucket; slot != bucket + ways; ++slot)
    if (slot->key == key) return slot;
  return nullptr;
}

RateVerdict RateLimiter::look(uint64_t key, const Rate& rate, Micros now) const {
  const Slot* slot = find(key);
  Micros interval = interval_of(rate);
  return verdict(rate, interval, slot ? known_whole_at(*slot, rate, now) : now, now);
}

RateVerdict RateLimiter::take(uint64_t key, const Rate& rate, Micros now, int64_t cost) {
  CHECK(rate.count > 0 && cost >= 0);
  Micros interval = interval_of(rate);
  const Slot* known = find(key);
  Micros whole_at = known ? known_whole_at(*known, rate, now) : now, charged = whole_at + cost * interval;
  if (charged - now > interval * rate.count) {
    RateVerdict out = verdict(rate, interval, whole_at, now);
    out.allowed = false, out.retry_after_us = charged - now - interval * rate.count;
    return out;
  }
  Slot* bucket = bucket_of(key);
  Slot* slot = known ? bucket + (known - bucket)
                     : std::min_element(bucket, bucket + ways, [](const Slot& a, const Slot& b) {
                         return a.whole_at < b.whole_at;
                       });
  *slot = {key, charged};
  return verdict(rate, interval, charged, now);
}

}  // namespace headrace
