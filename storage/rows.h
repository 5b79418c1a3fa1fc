// Rows: the projections of one partition, held in memory and written behind to the state.
//
// A fold mutates the bytes of a row in place; the row remembers the LSN of the last record folded in, so that
// replay may start before it and skip what it has seen.
//
// Operation: find() and touch() look in memory, then in the backing. Rows that changed stand in a queue in
// the order of their first unwritten change; the checkpoint writes the oldest behind. Clean rows are evicted
// above a bound of memory, but only in evict(): a pointer to a row stays good until then. Lives on: the
// partition's owner thread. Limits: limits::row_*.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"

namespace headrace {

struct Row {
  Lsn lsn = 0;        // of the last record folded in; 0 in a new row
  std::string bytes;  // empty in a new row

  // The rest belongs to Rows.
  Lsn touched = 0;      // LSN of the last touch in this run of the program
  Lsn dirty_since = 0;  // LSN of the oldest change not yet written behind; 0: clean
  uint64_t hash = 0;
  uint32_t charged_bytes = 0;  // what the memory account holds for this row
  uint8_t table = 0;
  bool gone = false;    // erased: it hides what the backing may still hold
  bool queued = false;  // stands in the queue of dirty rows, or in a chunk being written behind
  bool recent = false;  // used since the eviction hand last passed
  std::string key;
};

// Where rows are written behind to and loaded from: the state, or nothing in tests of folds.
class RowBacking {
 public:
  virtual ~RowBacking() = default;
  // Fills lsn and bytes of `row` (its table and key are set); false where there is none.
  virtual bool load(Row& row) = 0;
  virtual void store(const Row& row) = 0;  // erases it where row.gone
};

class Rows {
 public:
  explicit Rows(RowBacking* backing = nullptr);
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // The row, or nullptr where none exists.
  Row* find(uint8_t table, std::string_view key);
  const Row* find(uint8_t table, std::string_view key) const {
    return const_cast<Rows*>(this)->find(table, key);
  }

  // The row, created where missing, marked as changed by record `lsn`. Leaves row.lsn as it was: the caller
  // skips the change where row.lsn >= lsn, else makes it and sets row.lsn = lsn.
  Row& touch(uint8_t table, std::string_view key, Lsn lsn);

  // The same with that rule inside: nullptr where the row has already seen `lsn` in an earlier run; else the
  // row, with row.lsn = lsn. May be called several times for one record.
  Row* fold(uint8_t table, std::string_view key, Lsn lsn);

  // The row ceases to exist by record `lsn`.
  void erase(uint8_t table, std::string_view key, Lsn lsn);

  // Looking ahead: a batch knows which rows it will touch. In passes over its keys it asks for the memory of each
  // row before it needs the first, so that many cache misses are under way at once: where the pointer stands, the
  // row, then its bytes. None of them changes anything.
  static uint64_t hash_of(uint8_t table, std::string_view key);
  void expect_slot(uint64_t hash) const;
  void expect_row(uint64_t hash) const;
  void expect_bytes(uint64_t hash) const;

  size_t count() const { return count_; }    // in memory
  size_t dirty() const { return dirty_; }    // changed and not yet written behind
  size_t bytes() const { return bytes_; }    // of memory, about
  uint64_t loads() const { return loads_; }  // rows that came from the backing
  uint64_t evictions() const { return evictions_; }

  // For the partition and its checkpoint:

  // LSN of the oldest change that is not written behind; nothing where all rows are clean.
  std::optional<Lsn> oldest_change() const;

  // Takes up to `count_max` of the longest-dirty rows as the chunk to write behind, in key order. A chunk is
  // written whole before the next is taken.
  void take_chunk(size_t count_max);
  bool chunk_empty() const { return chunk_next_ == chunk_.size(); }
  // Writes up to `count_max` rows of the chunk to the backing; the largest LSN among them.
  Lsn write_chunk(size_t count_max);

  // Evicts clean rows until at most `bytes_max` are used, looking at up to `visits_max` slots.
  void evict(size_t bytes_max, size_t visits_max);

  // Forgets everything (the backing was emptied as well).
  void clear();
  // The backing holds nothing that is not in memory: a miss need not ask it (until the first eviction).
  void assume_complete() { complete_ = true; }

 private:
  static constexpr size_t shard_count = 64;  // so that growing one table stalls for a 64th of the rows
  struct Shard {
    std::vector<Row*> slots;  // open addressing, linear probing; size is 0 or a power of two
    size_t used = 0;
  };

  const Row* guess(uint64_t hash) const;
  Row* lookup(uint8_t table, std::string_view key, uint64_t hash);
  Row* lookup_or_load(uint8_t table, std::string_view key, uint64_t hash);
  Row* insert(std::unique_ptr<Row> row);
  void grow(Shard& shard);
  void remove(Shard& shard, size_t slot);
  Row& create(uint8_t table, std::string_view key, uint64_t hash);
  void change(Row& row, Lsn lsn);
  void mark_dirty(Row& row, Lsn lsn);
  void written(Row& row);
  void charge(Row& row);
  Shard& shard_of(uint64_t hash) { return shards_[hash >> 58]; }
  const Shard& shard_of(uint64_t hash) const { return shards_[hash >> 58]; }

  RowBacking* backing_;
  std::array<Shard, shard_count> shards_;
  std::deque<Row*> queue_;   // dirty rows in the order of dirty_since
  std::vector<Row*> chunk_;  // being written behind, in key order
  size_t chunk_next_ = 0;
  Lsn chunk_oldest_ = 0;  // the smallest dirty_since when the chunk was taken
  size_t count_ = 0, dirty_ = 0, bytes_ = 0;
  uint64_t loads_ = 0, evictions_ = 0;
  size_t hand_shard_ = 0, hand_slot_ = 0;  // the eviction clock's hand
  bool complete_ = false;
};

}  // namespace headrace
