// The memory table of the dedup index: open addressing, linear probing, at most half full.
//
// The slot is the top of the hash, so a scan of the table is almost in the order of a run. The high halves of
// the hashes stand in an array of their own: a lookup that finds nothing touches one cache line of eight
// slots. Limits: grows only through doubled(). An id whose high half is 0 counts as 1 (0 marks a free slot).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/id_hash.h"
#include "storage/id_pages.h"

namespace headrace {

class IdTable {
 public:
  explicit IdTable(size_t capacity);  // ids; rounded up to a power of two

  uint64_t find(const IdHash& id) const {  // its LSN, or 0
    const uint64_t key = key_of(id);
    for (size_t at = home(key); keys_[at] != 0; at = (at + 1) & mask_)
      if (keys_[at] == key && rest_[at].low == id.low) return rest_[at].lsn;
    return 0;
  }

  // Not when full(). An id already there keeps its LSN if that is at least `first_lsn`.
  void insert(const IdHash& id, uint64_t lsn, uint64_t first_lsn);

  void prefetch(const IdHash& id) const {
    __builtin_prefetch(&keys_[home(key_of(id))]);
    __builtin_prefetch(&rest_[home(key_of(id))]);
  }

  size_t count() const { return count_; }
  size_t capacity() const { return (mask_ + 1) / 2; }
  bool full() const { return count_ >= capacity(); }
  size_t bytes() const { return (mask_ + 1) * (sizeof(uint64_t) + sizeof(Rest)); }

  std::unique_ptr<IdTable> doubled() const;
  std::vector<IdEntry> sorted() const;
  void clear();

 private:
  struct Rest {
    uint64_t low, lsn;
  };

  static uint64_t key_of(const IdHash& id) { return id.high | static_cast<uint64_t>(id.high == 0); }
  size_t home(uint64_t key) const { return key >> shift_; }
  IdEntry entry(size_t at) const { return {{keys_[at], rest_[at].low}, rest_[at].lsn}; }

  size_t mask_;
  int shift_;
  size_t count_ = 0;
  IdPages key_pages_, rest_pages_;
  uint64_t* keys_;
  Rest* rest_;
};

}  // namespace headrace
