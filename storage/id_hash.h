// The 128-bit hash that stands for an event id in the dedup index.
#pragma once

#include <compare>
#include <cstdint>

namespace headrace {

// XXH3-128 of the id, computed by the caller. Ordered as one number: `high` first.
struct IdHash {
  uint64_t high, low;
  auto operator<=>(const IdHash&) const = default;
};

// What the index knows of one id: 24 bytes, in memory tables taken apart, in run files as it stands.
struct IdEntry {
  IdHash hash;
  uint64_t lsn;
};
static_assert(sizeof(IdEntry) == 24);

// The hash as tables and runs hold it: a high half of 0 marks a free slot, so it counts as 1.
inline IdHash storable(const IdHash& id) { return {id.high | static_cast<uint64_t>(id.high == 0), id.low}; }

// floor(value * range / 2^64): where a uniform `value` falls in [0, range); monotone in `value`.
inline uint64_t scale_to(uint64_t value, uint64_t range) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(value) * range) >> 64);
}

}  // namespace headrace
