// The memory table of the dedup index: insertion, growth, and the way out in the order of a run.
#include "storage/id_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "src/base/check.h"

namespace headrace {
namespace {

bool before(const IdEntry& a, const IdEntry& b) { return a.hash < b.hash; }

// Entries come at most a cluster away from their place, so this is linear; unless somebody chose ids for
// their hashes, then the budget ends and an ordinary sort takes over.
void sort_nearly_sorted(std::vector<IdEntry>& entries) {
  size_t moves_left = 32 * entries.size();
  for (size_t i = 1; i < entries.size(); ++i) {
    const IdEntry entry = entries[i];
    size_t at = i;
    for (; at > 0 && before(entry, entries[at - 1]) && moves_left > 0; --at, --moves_left)
      entries[at] = entries[at - 1];
    entries[at] = entry;
    if (moves_left == 0) return std::sort(entries.begin(), entries.end(), before);
  }
}

}  // namespace

IdTable::IdTable(size_t capacity) {
  const size_t slots = std::bit_ceil(std::max<size_t>(capacity, 4) * 2);
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  key_pages_ = IdPages(slots * sizeof(uint64_t));
  rest_pages_ = IdPages(slots * sizeof(Rest));
  keys_ = reinterpret_cast<uint64_t*>(key_pages_.data());
  rest_ = reinterpret_cast<Rest*>(rest_pages_.data());
}

void IdTable::insert(const IdHash& id, uint64_t lsn, uint64_t first_lsn) {
  CHECK(!full());
  const uint64_t key = key_of(id);
  size_t at = home(key);
  while (keys_[at] != 0 && !(keys_[at] == key && rest_[at].low == id.low)) at = (at + 1) & mask_;
  if (keys_[at] != 0 && rest_[at].lsn >= first_lsn) return;
  count_ += keys_[at] == 0;
  keys_[at] = key;
  rest_[at] = {id.low, lsn};
}

std::unique_ptr<IdTable> IdTable::doubled() const {
  auto larger = std::make_unique<IdTable>(capacity() * 2);
  for (size_t at = 0; at <= mask_; ++at)
    if (keys_[at] != 0) larger->insert({keys_[at], rest_[at].low}, rest_[at].lsn, 0);
  return larger;
}

// A cluster at the end of the table wraps to its start: what stands before its own slot belongs to the end.
std::vector<IdEntry> IdTable::sorted() const {
  std::vector<IdEntry> entries, wrapped;
  entries.reserve(count_);
  for (size_t at = 0; at <= mask_; ++at)
    if (keys_[at] != 0) (home(keys_[at]) > at ? wrapped : entries).push_back(entry(at));
  entries.insert(entries.end(), wrapped.begin(), wrapped.end());
  sort_nearly_sorted(entries);
  return entries;
}

void IdTable::clear() {
  std::memset(key_pages_.data(), 0, key_pages_.size());
  count_ = 0;
}

}  // namespace headrace
