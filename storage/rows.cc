// The table of rows: 64 open-addressing tables of pointers, a queue of dirty rows, a clock hand for eviction.
#include "storage/rows.h"

#include <algorithm>

#include "codec/checksum.h"
#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t slots_min = 16;
constexpr size_t row_overhead_bytes = sizeof(Row) + 2 * sizeof(Row*) + 16;  // slots at half load, allocator

bool before(const Row* a, const Row* b) {
  return a->table != b->table ? a->table < b->table : a->key < b->key;
}

}  // namespace

Rows::Rows(RowBacking* backing) : backing_(backing), complete_(backing == nullptr) {}
Rows::~Rows() { clear(); }

uint64_t Rows::hash_of(uint8_t table, std::string_view key) { return hash64(key, table); }

void Rows::expect_slot(uint64_t hash) const {
  const Shard& shard = shard_of(hash);
  if (!shard.slots.empty()) __builtin_prefetch(&shard.slots[hash & (shard.slots.size() - 1)]);
}

// What stands in the first slot of the hash: mostly the row that is meant.
const Row* Rows::guess(uint64_t hash) const {
  const Shard& shard = shard_of(hash);
  return shard.slots.empty() ? nullptr : shard.slots[hash & (shard.slots.size() - 1)];
}

void Rows::expect_row(uint64_t hash) const {
  const Row* row = guess(hash);
  if (row == nullptr) return;
  for (size_t line = 0; line < sizeof(Row); line += 64)
    __builtin_prefetch(reinterpret_cast<const char*>(row) + line, 1);
}

void Rows::expect_bytes(uint64_t hash) const {
  const Row* row = guess(hash);
  if (row == nullptr) return;
  // The head and accumulators, and the end, where the newest points are.
  for (size_t line = 0; line < std::min<size_t>(row->bytes.size(), 256); line += 64)
    __builtin_prefetch(row->bytes.data() + line, 1);
  if (!row->bytes.empty()) __builtin_prefetch(row->bytes.data() + row->bytes.size() - 1, 1);
}

Row* Rows::lookup(uint8_t table, std::string_view key, uint64_t hash) {
  Shard& shard = shard_of(hash);
  if (shard.slots.empty()) return nullptr;
  size_t mask = shard.slots.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    Row* row = shard.slots[slot];
    if (row == nullptr) return nullptr;
    // The lines of a row, then its bytes, are asked for side by side rather than met one after the other.
    __builtin_prefetch(reinterpret_cast<const char*>(row) + 64);
    __builtin_prefetch(reinterpret_cast<const char*>(row) + 128);
    if (row->hash != hash) continue;
    __builtin_prefetch(row->bytes.data());
    __builtin_prefetch(row->bytes.data() + 64);
    if (row->table == table && row->key == key) {
      if (!row->recent) row->recent = true;
      return row;
    }
  }
}

Row* Rows::lookup_or_load(uint8_t table, std::string_view key, uint64_t hash) {
  if (Row* row = lookup(table, key, hash)) return row;
  if (complete_) return nullptr;
  auto row = std::make_unique<Row>();
  row->table = table;
  row->key = key;
  row->hash = hash;
  if (!backing_->load(*row)) return nullptr;
  ++loads_;
  return insert(std::move(row));
}

Row* Rows::insert(std::unique_ptr<Row> row) {
  Shard& shard = shard_of(row->hash);
  if (2 * (shard.used + 1) > shard.slots.size()) grow(shard);
  size_t mask = shard.slots.size() - 1;
  size_t slot = row->hash & mask;
  while (shard.slots[slot] != nullptr) slot = (slot + 1) & mask;
  row->recent = true;
  charge(*row);
  shard.slots[slot] = row.release();
  ++shard.used;
  ++count_;
  return shard.slots[slot];
}

void Rows::grow(Shard& shard) {
  std::vector<Row*> old = std::move(shard.slots);
  shard.slots.assign(std::max(slots_min, old.size() * 2), nullptr);
  size_t mask = shard.slots.size() - 1;
  for (Row* row : old) {
    if (row == nullptr) continue;
    size_t slot = row->hash & mask;
    while (shard.slots[slot] != nullptr) slot = (slot + 1) & mask;
    shard.slots[slot] = row;
  }
}

// Backward-shift deletion (Knuth, TAOCP 6.4, algorithm R): no tombstones.
void Rows::remove(Shard& shard, size_t slot) {
  Row* row = shard.slots[slot];
  bytes_ -= row->charged_bytes;
  delete row;
  --shard.used;
  --count_;
  size_t mask = shard.slots.size() - 1, hole = slot;
  shard.slots[hole] = nullptr;
  for (size_t next = (hole + 1) & mask; shard.slots[next] != nullptr; next = (next + 1) & mask) {
    size_t home = shard.slots[next]->hash & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;  // its home lies behind the hole
    shard.slots[hole] = shard.slots[next];
    shard.slots[next] = nullptr;
    hole = next;
  }
}

void Rows::charge(Row& row) {
  auto now = static_cast<uint32_t>(row_overhead_bytes + row.bytes.capacity() + row.key.capacity());
  bytes_ += now;
  bytes_ -= row.charged_bytes;
  row.charged_bytes = now;
}

Row* Rows::find(uint8_t table, std::string_view key) {
  Row* row = lookup_or_load(table, key, hash_of(table, key));
  return row == nullptr || row->gone ? nullptr : row;
}

void Rows::mark_dirty(Row& row, Lsn lsn) {
  row.touched = lsn;
  if (row.dirty_since == 0) {
    row.dirty_since = lsn;
    ++dirty_;
  }
  if (!row.queued) {
    row.queued = true;
    queue_.push_back(&row);
  }
}

Row& Rows::create(uint8_t table, std::string_view key, uint64_t hash) {
  auto row = std::make_unique<Row>();
  row->table = table;
  row->key = key;
  row->hash = hash;
  return *insert(std::move(row));
}

void Rows::change(Row& row, Lsn lsn) {
  // An erased row begins anew, unless this record was before the erasure (then the caller skips it by
  // row.lsn).
  if (row.gone && (row.lsn < lsn || row.touched == lsn)) {
    row.gone = false;
    row.bytes.clear();
  }
  mark_dirty(row, lsn);
}

Row& Rows::touch(uint8_t table, std::string_view key, Lsn lsn) {
  uint64_t hash = hash_of(table, key);
  Row* found = lookup_or_load(table, key, hash);
  Row& row = found != nullptr ? *found : create(table, key, hash);
  change(row, lsn);
  return row;
}

Row* Rows::fold(uint8_t table, std::string_view key, Lsn lsn) {
  uint64_t hash = hash_of(table, key);
  Row* found = lookup_or_load(table, key, hash);
  if (found != nullptr && (found->lsn > lsn || (found->lsn == lsn && found->touched != lsn))) return nullptr;
  Row& row = found != nullptr ? *found : create(table, key, hash);
  change(row, lsn);
  row.lsn = lsn;
  return &row;
}

void Rows::erase(uint8_t table, std::string_view key, Lsn lsn) {
  Row* row = fold(table, key, lsn);
  if (row == nullptr) return;
  row->gone = true;
  row->bytes.clear();
}

std::optional<Lsn> Rows::oldest_change() const {
  std::optional<Lsn> oldest;
  if (!queue_.empty()) oldest = queue_.front()->dirty_since;
  if (!chunk_empty()) oldest = std::min(oldest.value_or(chunk_oldest_), chunk_oldest_);
  return oldest;
}

void Rows::take_chunk(size_t count_max) {
  CHECK(chunk_empty());
  chunk_.clear();
  chunk_next_ = 0;
  if (queue_.empty()) return;
  chunk_oldest_ = queue_.front()->dirty_since;
  while (!queue_.empty() && chunk_.size() < count_max) {
    chunk_.push_back(queue_.front());
    queue_.pop_front();
  }
  std::ranges::sort(chunk_, before);
}

Lsn Rows::write_chunk(size_t count_max) {
  Lsn newest = 0;
  for (; count_max > 0 && !chunk_empty(); --count_max) {
    Row& row = *chunk_[chunk_next_++];
    newest = std::max(newest, row.lsn);
    written(row);
  }
  return newest;
}

void Rows::written(Row& row) {
  if (backing_ != nullptr) backing_->store(row);
  row.dirty_since = 0;
  row.queued = false;
  --dirty_;
  charge(row);
}

void Rows::evict(size_t bytes_max, size_t visits_max) {
  for (; bytes_ > bytes_max && visits_max > 0 && backing_ != nullptr; --visits_max) {
    Shard& shard = shards_[hand_shard_];
    if (hand_slot_ >= shard.slots.size()) {
      hand_slot_ = 0;
      hand_shard_ = (hand_shard_ + 1) % shard_count;
      continue;
    }
    Row* row = shard.slots[hand_slot_];
    if (row == nullptr || row->queued || row->recent) {
      if (row != nullptr) row->recent = false;
      ++hand_slot_;
      continue;
    }
    complete_ = false;
    ++evictions_;
    remove(shard, hand_slot_);  // another row may have moved into the slot: the hand stays
  }
}

void Rows::clear() {
  for (Shard& shard : shards_) {
    for (Row* row : shard.slots) delete row;
    shard = {};
  }
  queue_.clear();
  chunk_.clear();
  chunk_next_ = 0;
  count_ = dirty_ = bytes_ = 0;
  hand_shard_ = hand_slot_ = 0;
}

}  // namespace headrace
