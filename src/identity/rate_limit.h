// RateLimiter: how often something may be done, by the generic cell rate algorithm (ITU-T I.371, as a virtual schedule):
// of every key one number is kept, the time at which it would have its whole allowance again.
//
//   slot := tag:20 ticks:44        of 16 us, modulo 2^44: almost nine years
//
// Operation: take() asks and charges, look() only asks. A table of fixed size holds the keys that are short of
// something; where four keys fall into one bucket, the one nearest to its whole allowance is forgotten, so who floods it with
// addresses gains for an address what it had already lost. A key is known by its bucket and its tag; who floods cannot choose
// them. Lives on: any thread; a slot changes by compare and exchange. Limits: its number of slots, 8 bytes each.
#pragma once

#include <atomic>
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
  using Slot = std::atomic<uint64_t>;
  // The slot of the key, or the one it may have; and what stood there.
  struct Place {
    const Slot* slot;
    uint64_t word;
    bool known;
  };
  Place find(uint64_t key, int64_t now) const;

  size_t mask_;
  uint64_t seed_;
  std::vector<Slot> slots_;
};

}  // namespace headrace
