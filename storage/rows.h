// Rows: the projections of one partition, held in memory and written behind to the state.
//
// A fold mutates the bytes of a row in place; the row remembers the LSN of the last record folded in, so that
// replay may start before it and skip what it has seen.
//
// Operation: find() and fold() look in memory, then in the backing. Rows that changed stand in a queue in
// the order of their first unwritten change; the checkpoint writes the oldest behind. Clean rows are evicted
// above a bound of memory, but only in evict(): a pointer to a row stays good until then. Lives on: the
// partition's owner thread. Limits: limits::row_*.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"
#include "storage/row_bytes.h"
#include "storage/row_memory.h"

namespace headrace {

struct Row;

// A row by name: its hash is made once and carried with it.
struct RowName {
  uint8_t table = 0;
  std::string_view key;
  uint64_t hash = 0;        // Rows::hash_of
  Row* expected = nullptr;  // what looking ahead found, good until the next evict(); a guess
};

// One allocation with its key: one cache line for keys of up to `short_key` bytes.
struct alignas(64) Row {
  static constexpr size_t short_key = 16;

  Lsn lsn = 0;     // of the last record folded in; 0 in a new row
  RowBytes bytes;  // empty in a new row

  // The rest belongs to Rows.
  Lsn dirty_since = 0;  // LSN of the oldest change not yet written behind; 0: clean, not in the queue
  const uint64_t hash;
  uint32_t charged_bytes = 0;  // what the memory account holds for this row
  const uint16_t key_bytes;
  const uint8_t table;
  bool gone : 1 = false;    // erased: it hides what the backing may still hold
  bool recent : 1 = false;  // used since the eviction hand last passed, or since it was written behind
  bool ours : 1 = false;    // `lsn` was set in this run of the program: it may be folded in once more

  std::string_view key() const { return {key_begin(), key_bytes}; }

 private:
  friend class Rows;
  explicit Row(const RowName& name);
  const char* key_begin() const { return reinterpret_cast<const char*>(this) + sizeof(Row) - short_key; }
  char short_key_[short_key];  // a longer key goes on behind the row
};
static_assert(sizeof(Row) == 64);

// Where rows are written behind to and loaded from: the state, or nothing in tests of folds.
class RowBacking {
 public:
  virtual ~RowBacking() = default;
  // Fills lsn and bytes of `row` (its table and key are set); false where there is none.
  virtual bool load(Row& row) = 0;
  virtual void store(const Row& row) = 0;  // erases it where row.gone
  // Every row it holds of that table, by key.
  virtual void each(uint8_t table, const std::function<void(std::string_view key)>& visit) = 0;
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

  // The row, created where missing, as changed by record `lsn`, with row.lsn = lsn; nullptr where it has already
  // seen `lsn` in an earlier run. May be called several times for one record.
  Row* fold(const RowName& name, Lsn lsn);
  Row* fold(uint8_t table, std::string_view key, Lsn lsn) { return fold(name_of(table, key), lsn); }

  // The row ceases to exist by record `lsn`.
  void erase(uint8_t table, std::string_view key, Lsn lsn);

  // The same for all rows of a table that `chosen` says, in memory or not; how many. Reads all keys.
  size_t erase_all(uint8_t table, const std::function<bool(std::string_view key)>& chosen, Lsn lsn);

  // From the XXH3-64 of the key, of which keys that share a partition have some low bits in common.
  static uint64_t hash_of(uint8_t table, uint64_t key_hash) {
    return key_hash ^ (table * uint64_t{0x9e37'79b9'7f4a'7c15});
  }
  static RowName name_of(uint8_t table, std::string_view key);

  // Looking ahead: a batch knows which rows it will touch. In passes over their names it asks for the memory
  // of each row before it needs the first, so that many cache misses are under way at once: where the pointer
  // stands, the row, then (the caller, through name.expected) its bytes. None of them changes anything.
  void expect_slot(const RowName& name) const;
  void expect_row(RowName& name) const;

  size_t count() const { return count_; }    // in memory
  size_t dirty() const { return dirty_; }    // changed and not yet written behind
  size_t bytes() const { return bytes_; }    // of memory, about; of the row changed last as it was before
  uint64_t loads() const { return loads_; }  // rows that came from the backing
  uint64_t evictions() const { return evictions_; }

  // For the partition and its checkpoint:

  // LSN of the oldest change that is not written behind; nothing where all rows are clean.
  std::optional<Lsn> oldest_change() const;

  // Takes up to `count_max` of the longest-dirty rows as the chunk to write behind, in key order: neighbours share pages. A chunk
  // is written whole before the next is taken.
  void take_chunk(size_t count_max);
  bool chunk_empty() const { return chunk_next_ == chunk_.size(); }
  // Writes up to `count_max` rows of the chunk to the backing; the largest LSN among them.
  Lsn write_chunk(size_t count_max);

  // Evicts clean rows until at most `bytes_max` are used, looking at up to `visits_max`: first at those just written behind that had
  // one change only, then at all in turn, sparing those that were used since the last turn.
  void evict(size_t bytes_max, size_t visits_max);

  // Forgets everything (the backing was emptied as well).
  void clear();
  // The backing holds nothing that is not in memory: a miss need not ask it (until the first eviction).
  void assume_complete() { complete_ = true; }

 private:
  static constexpr size_t shard_count = 64;  // so that growing one table stalls for a 64th of the rows
  struct Slot {
    Row* row = nullptr;
    uint32_t tag = 0;  // the low half of its hash: another row is hardly ever looked at
  };
  struct Shard {
    std::vector<Slot> slots;  // open addressing, linear probing; size is 0 or a power of two
    size_t used = 0;
  };

  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash); }
  static size_t slot_of(uint64_t hash) { return static_cast<size_t>(hash >> 16); }  // above the bits of homes
  struct Delete {
    void operator()(Row* row) const;
  };
  using Owned = std::unique_ptr<Row, Delete>;
  static Owned make(const RowName& name);

  Row* lookup(const RowName& name) const;
  Row* lookup_or_load(const RowName& name);
  Row* insert(Owned row);
  void place(Shard& shard, Row* row);
  void grow(Shard& shard);
  void remove(Shard& shard, size_t slot);
  size_t slot_holding(const Row& row) const;
  bool evict_written();
  void mark_dirty(Row& row, Lsn lsn);
  void written(Row& row);
  void charge(Row& row);
  Shard& shard_of(uint64_t hash) { return shards_[hash >> 58]; }
  const Shard& shard_of(uint64_t hash) const { return shards_[hash >> 58]; }

  RowBacking* backing_;
  std::array<Shard, shard_count> shards_;
  std::deque<Row*> queue_;   // dirty rows in the order of dirty_since
  struct Queued {
    uint64_t prefix;  // of table and key, in their order: most comparisons need no more
    Row* row;
  };
  std::vector<Queued> chunk_;  // being written behind, in key order
  size_t chunk_next_ = 0;
  size_t chunk_evicted_ = 0;  // of the chunk: looked at by evict()
  Lsn chunk_oldest_ = 0;  // the smallest dirty_since when the chunk was taken
  size_t count_ = 0, dirty_ = 0, bytes_ = 0;
  uint64_t loads_ = 0, evictions_ = 0;
  size_t hand_shard_ = 0, hand_slot_ = 0;  // the eviction clock's hand
  Row* changing_ = nullptr;  // given out to be changed, and charged for once the next one is
  bool complete_ = false;
};

}  // namespace headrace
