// RateLimiter: how often something may be done, by the generic cell rate algorithm (ITU-T I.371, as a virtual schedule):
// of every key one number is kept, the time at which it would have its whole allowance again.
//
// Operation: take() asks and charges, look() only asks. A table of fixed size holds the keys that are short of
// something; where four keys fall into one bucket, the one nearest to its whole allowance is forgotten, so who floods it with
// addresses gains for an address what it had already lost. Lives on: one loop. Limits: its number of slots, 16 bytes each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "src/base/time.h"

namespace headrace {

struct Rate {
  int64_t count = 1;            // at once, and...
  Micros window_us = second_us;  // ...again in this time
};

struct RateVerdict {
  bool allowed = true;
  int64_t limit = 0, remaining = 0;
  Micros retry_after_us = 0;  // where it was not allowed
  Micros reset_us = 0;        // until nothing is missing
};

class RateLimiter {
 public:
  explicit RateLimiter(size_t slots);

  // Of what is limited ("login of"), by whom; not to be guessed from outside.
  uint64_t key_of(std::string_view what, std::string_view who) const;

  RateVerdict take(uint64_t key, const Rate& rate, Micros now, int64_t cost = 1);
  RateVerdict look(uint64_t key, const Rate& rate, Micros now) const;

 private:
  static constexpr size_t ways = 4;
  struct Slot {
    uint64_t key = 0;
    Micros whole_at = 0;  // when it has all of its allowance
  };
  Slot* bucket_of(uint64_t key) { return &slots_[(key & mask_) * ways]; }
  const Slot* find(uint64_t key) const;
  static Micros known_whole_at(const Slot& slot, const Rate& rate, Micros now);

  size_t mask_;
  uint64_t seed_;
  std::vector<Slot> slots_;
};

}  // namespace headrace
