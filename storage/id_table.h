// The memory table of the dedup index: open addressing in buckets of one cache line, at most half full.
//
// The bucket is the top of the hash, so a scan of the table is almost in the order of a run. The high halves
// of the hashes stand in an array of their own, eight to a line, and a line is compared at once: a lookup
// that finds nothing touches one line and has hardly a branch to guess wrong. A full bucket overflows into
// the next one. Limits: grows only through doubled(). Takes storable() hashes only: a high half of 0 marks a
// free slot.
#pragma once

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/prefetch.h"
#include "storage/id_hash.h"
#include "storage/id_pages.h"

namespace headrace {

struct alignas(64) IdBucket {
  static constexpr size_t slots = 8;
  uint64_t high[slots];

  // A bit per slot that holds `value`.
  uint32_t equal(uint64_t value) const {
#ifdef __AVX2__
    const __m256i wanted = _mm256_set1_epi64x(static_cast<int64_t>(value));
    const auto* halves = reinterpret_cast<const __m256i*>(high);
    const __m256i first = _mm256_cmpeq_epi64(_mm256_load_si256(halves), wanted);
    const __m256i second = _mm256_cmpeq_epi64(_mm256_load_si256(halves + 1), wanted);
    return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(first)) |
                                 _mm256_movemask_pd(_mm256_castsi256_pd(second)) << 4);
#else
    uint32_t bits = 0;
    for (size_t i = 0; i < slots; ++i) bits |= static_cast<uint32_t>(high[i] == value) << i;
    return bits;
#endif
  }
};

class IdTable {
 public:
  explicit IdTable(size_t capacity);  // ids; rounded up to a power of two

  uint64_t find(const IdHash& id) const {  // its LSN, or 0
    const Rest* rest = known(id);
    return rest == nullptr ? 0 : rest->lsn;
  }

  // Not when full(). An id that is there already gets the new LSN.
  void insert(const IdHash& id, uint64_t lsn);

  void expect(const IdHash& id) const {
    prefetch(&buckets_[home(id.high)]);
    prefetch(&rest_[home(id.high) * IdBucket::slots]);
  }

  size_t count() const { return count_; }
  size_t capacity() const { return (bucket_mask_ + 1) * IdBucket::slots / 2; }
  bool full() const { return count_ >= capacity(); }
  size_t bytes() const { return bucket_pages_.size() + rest_pages_.size(); }

  std::unique_ptr<IdTable> doubled() const;
  std::vector<IdEntry> sorted() const;
  void clear();

 private:
  struct Rest {
    uint64_t low, lsn;
  };

  size_t home(uint64_t high) const { return high >> shift_; }

  Rest* known_in(size_t bucket, const IdHash& id) const {
    for (uint32_t same = buckets_[bucket].equal(id.high); same != 0; same &= same - 1) {
      Rest& rest = rest_[bucket * IdBucket::slots + static_cast<size_t>(std::countr_zero(same))];
      if (rest.low == id.low) return &rest;
    }
    return nullptr;
  }

  Rest* known(const IdHash& id) const {
    for (size_t at = home(id.high);; at = (at + 1) & bucket_mask_) {
      Rest* rest = known_in(at, id);
      if (rest != nullptr || buckets_[at].equal(0) != 0) return rest;
    }
  }

  template <class Visit>
  void each(Visit visit) const;  // bucket, entry; in the order of the buckets

  size_t bucket_mask_;
  int shift_;
  size_t count_ = 0;
  IdPages bucket_pages_, rest_pages_;
  IdBucket* buckets_;
  Rest* rest_;
};

}  // namespace headrace
