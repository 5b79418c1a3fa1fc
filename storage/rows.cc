// The table of rows: 64 open-addressing tables of pointers, a queue of dirty rows, a clock hand for eviction.
#include "storage/rows.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/prefetch.h"

namespace headrace {
namespace {

constexpr size_t slots_min = 16;

// Table and the first bytes of the key.
uint64_t prefix_of(const Row& row) {
  uint64_t prefix = row.table;
  std::string_view key = row.key();
  for (size_t i = 0; i < sizeof prefix - 1; ++i) prefix = prefix << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
  return prefix;
}

// Where a row and its key are one block.
size_t block_bytes(size_t key_bytes) {
  return sizeof(Row) - Row::short_key + std::max(Row::short_key, key_bytes);
}

// Whether the first and the last of `size` bytes are the same, a word of them each.
template <class Word>
bool same_ends(const char* a, const char* b, size_t size) {
  auto word = [](const char* at) {
    Word one;
    std::memcpy(&one, at, sizeof one);
    return one;
  };
  const size_t last = size - sizeof(Word);
  return ((word(a) ^ word(b)) | (word(a + last) ^ word(b + last))) == 0;
}

// Short keys by their words: memcmp's masked loads reach past the row's line, into one that nobody asked for.
bool same_key(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  if (size > Row::short_key || size < 2) return a == b;
  if (size >= 8) return same_ends<uint64_t>(a.data(), b.data(), size);
  if (size >= 4) return same_ends<uint32_t>(a.data(), b.data(), size);
  return same_ends<uint16_t>(a.data(), b.data(), size);
}

bool is(const Row& row, const RowName& name) { return row.table == name.table && same_key(row.key(), name.key); }

}  // namespace

Row::Row(const RowName& name)
    : hash(name.hash), key_bytes(static_cast<uint16_t>(name.key.size())), table(name.table) {
  CHECK(name.key.size() <= UINT16_MAX);
  name.key.copy(const_cast<char*>(key_begin()), key_bytes);
}

void Rows::Delete::operator()(Row* row) const {
  const size_t bytes = block_bytes(row->key_bytes);
  row->~Row();
  row_memory::give(row, bytes);
}

Rows::Owned Rows::make(const RowName& name) {
  return Owned(new (row_memory::take(block_bytes(name.key.size()))) Row(name));
}

Rows::Rows(RowBacking* backing) : backing_(backing), complete_(backing == nullptr) {}
Rows::~Rows() { clear(); }

RowName Rows::name_of(uint8_t table, std::string_view key) {
  return {.table = table, .key = key, .hash = hash_of(table, hash64(key))};
}

void Rows::expect_slot(const RowName& name) const {
  const Shard& shard = shard_of(name.hash);
  if (!shard.slots.empty()) prefetch(&shard.slots[slot_of(name.hash) & (shard.slots.size() - 1)]);
}

void Rows::expect_row(RowName& name) const {
  const Shard& shard = shard_of(name.hash);
  if (shard.slots.empty()) return;
  size_t mask = shard.slots.size() - 1;
  for (size_t at = slot_of(name.hash) & mask; shard.slots[at].row != nullptr; at = (at + 1) & mask) {
    if (shard.slots[at].tag != tag_of(name.hash)) continue;
    name.expected = shard.slots[at].row;
    prefetch(name.expected);
    if (name.key.size() > Row::short_key) prefetch(name.expected + 1);
    return;
  }
}

Row* Rows::lookup(const RowName& name) const {
  const Shard& shard = shard_of(name.hash);
  if (shard.slots.empty()) return nullptr;
  size_t mask = shard.slots.size() - 1;
  for (size_t at = slot_of(name.hash) & mask;; at = (at + 1) & mask) {
    const Slot& slot = shard.slots[at];
    if (slot.row == nullptr) return nullptr;
    if (slot.tag != tag_of(name.hash)) continue;
    prefetch(slot.row->bytes.data());
    if (is(*slot.row, name)) return slot.row;
  }
}

Row* Rows::lookup_or_load(const RowName& name) {
  Row* row = name.expected != nullptr && is(*name.expected, name) ? name.expected : lookup(name);
  if (row != nullptr) {
    if (!row->recent) row->recent = true;
    return row;
  }
  if (complete_) return nullptr;
  Owned loaded = make(name);
  if (!backing_->load(*loaded)) return nullptr;
  ++loads_;
  return insert(std::move(loaded));
}

Row* Rows::insert(Owned row) {
  Shard& shard = shard_of(row->hash);
  if (2 * (shard.used + 1) > shard.slots.size()) grow(shard);
  row->recent = true;
  charge(*row);
  place(shard, row.get());
  ++shard.used;
  ++count_;
  return row.release();
}

void Rows::place(Shard& shard, Row* row) {
  size_t mask = shard.slots.size() - 1;
  size_t at = slot_of(row->hash) & mask;
  while (shard.slots[at].row != nullptr) at = (at + 1) & mask;
  shard.slots[at] = {row, tag_of(row->hash)};
}

void Rows::grow(Shard& shard) {
  std::vector<Slot> old = std::move(shard.slots);
  shard.slots.assign(std::max(slots_min, old.size() * 2), {});
  for (const Slot& slot : old) {
    if (slot.row != nullptr) place(shard, slot.row);
  }
}

// Backward-shift deletion (Knuth, TAOCP 6.4, algorithm R): no tombstones.
void Rows::remove(Shard& shard, size_t slot) {
  Owned row(shard.slots[slot].row);
  if (changing_ == row.get()) changing_ = nullptr;
  bytes_ -= row->charged_bytes;
  --shard.used;
  --count_;
  size_t mask = shard.slots.size() - 1, hole = slot;
  shard.slots[hole] = {};
  for (size_t next = (hole + 1) & mask; shard.slots[next].row != nullptr; next = (next + 1) & mask) {
    size_t home = slot_of(shard.slots[next].row->hash) & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;  // its home lies behind the hole
    shard.slots[hole] = std::exchange(shard.slots[next], {});
    hole = next;
  }
}

void Rows::charge(Row& row) {
  constexpr size_t places = 3 * sizeof(Slot) + sizeof(Row*);  // tables are a quarter to half full; the queue
  size_t bytes = row.bytes.capacity() == 0 ? 0 : row_memory::cost(row.bytes.capacity());
  auto now = static_cast<uint32_t>(places + row_memory::cost(block_bytes(row.key_bytes)) + bytes);
  bytes_ += now;
  bytes_ -= row.charged_bytes;
  row.charged_bytes = now;
}

Row* Rows::find(uint8_t table, std::string_view key) {
  Row* row = lookup_or_load(name_of(table, key));
  return row == nullptr || row->gone ? nullptr : row;
}

void Rows::mark_dirty(Row& row, Lsn lsn) {
  if (row.dirty_since != 0) return;
  row.dirty_since = lsn;
  ++dirty_;
  queue_.push_back(&row);
}

Row* Rows::fold(const RowName& name, Lsn lsn) {
  Row* row = lookup_or_load(name);
  if (row == nullptr)
    row = insert(make(name));
  else if (row->lsn > lsn || (row->lsn == lsn && !row->ours))
    return nullptr;
  if (row->gone) row->bytes.clear();  // it begins anew
  row->gone = false;
  row->lsn = lsn;
  row->ours = true;
  mark_dirty(*row, lsn);
  // Whoever changes a row does so behind our back: what it grew by is seen when the next one comes.
  if (changing_ != nullptr) charge(*changing_);
  changing_ = row;
  return row;
}

void Rows::erase(uint8_t table, std::string_view key, Lsn lsn) {
  Row* row = fold(table, key, lsn);
  if (row == nullptr) return;
  row->gone = true;
  row->bytes.clear();
}

size_t Rows::erase_all(uint8_t table, const std::function<bool(std::string_view key)>& chosen, Lsn lsn) {
  std::vector<std::string> keys;
  auto consider = [&](std::string_view key) {
    if (chosen(key)) keys.emplace_back(key);
  };
  for (const Shard& shard : shards_)
    for (const Slot& slot : shard.slots)
      if (slot.row != nullptr && slot.row->table == table && !slot.row->gone) consider(slot.row->key());
  if (backing_ != nullptr) backing_->each(table, consider);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  // What was erased before still stands in the backing until the next checkpoint.
  std::erase_if(keys, [&](const std::string& key) { return find(table, key) == nullptr; });
  for (const std::string& key : keys) erase(table, key, lsn);
  return keys.size();
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
  chunk_next_ = chunk_evicted_ = 0;
  if (queue_.empty()) return;
  chunk_oldest_ = queue_.front()->dirty_since;
  while (!queue_.empty() && chunk_.size() < count_max) {
    chunk_.push_back({prefix_of(*queue_.front()), queue_.front()});
    queue_.pop_front();
  }
  std::ranges::sort(chunk_, [](const Queued& a, const Queued& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.row->key() < b.row->key();
  });
}

Lsn Rows::write_chunk(size_t count_max) {
  Lsn newest = 0;
  for (; count_max > 0 && !chunk_empty(); --count_max) {
    Row& row = *chunk_[chunk_next_++].row;
    newest = std::max(newest, row.lsn);
    written(row);
  }
  return newest;
}

void Rows::written(Row& row) {
  if (backing_ != nullptr) backing_->store(row);
  row.recent = row.lsn != row.dirty_since;
  row.dirty_since = 0;
  --dirty_;
  charge(row);
}

size_t Rows::slot_holding(const Row& row) const {
  const Shard& shard = shard_of(row.hash);
  size_t mask = shard.slots.size() - 1, at = slot_of(row.hash) & mask;
  while (shard.slots[at].row != &row) at = (at + 1) & mask;
  return at;
}

// Looks at the next row of the chunk that was written behind; false where there is none. The hand touches no row before all of
// these are looked at, so none of them is gone.
bool Rows::evict_written() {
  if (chunk_evicted_ == chunk_next_) return false;
  const Row& row = *chunk_[chunk_evicted_++].row;
  if (row.dirty_since != 0 || row.recent) return true;
  complete_ = false;
  ++evictions_;
  remove(shard_of(row.hash), slot_holding(row));
  return true;
}

void Rows::evict(size_t bytes_max, size_t visits_max) {
  if (changing_ != nullptr) charge(*std::exchange(changing_, nullptr));
  for (; bytes_ > bytes_max && visits_max > 0 && backing_ != nullptr; --visits_max) {
    if (evict_written()) continue;
    if (dirty_ == count_) return;
    Shard& shard = shards_[hand_shard_];
    if (hand_slot_ >= shard.slots.size()) {
      hand_slot_ = 0;
      hand_shard_ = (hand_shard_ + 1) % shard_count;
      continue;
    }
    Row* row = shard.slots[hand_slot_].row;
    if (row == nullptr || row->dirty_since != 0 || row->recent) {
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
    for (const Slot& slot : shard.slots) Owned(slot.row).reset();
    shard = {};
  }
  queue_.clear();
  chunk_.clear();
  chunk_next_ = chunk_evicted_ = 0;
  changing_ = nullptr;
  count_ = dirty_ = bytes_ = 0;
  hand_shard_ = hand_slot_ = 0;
}

}  // namespace headrace
