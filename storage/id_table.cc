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
  const size_t slots = std::bit_ceil(std::max(capacity * 2, 2 * IdBucket::slots));
  bucket_mask_ = slots / IdBucket::slots - 1;
  shift_ = 64 - std::countr_zero(bucket_mask_ + 1);
  bucket_pages_ = IdPages(slots * sizeof(uint64_t));
  rest_pages_ = IdPages(slots * sizeof(Rest));
  buckets_ = reinterpret_cast<IdBucket*>(bucket_pages_.data());
  rest_ = reinterpret_cast<Rest*>(rest_pages_.data());
}

void IdTable::insert(const IdHash& id, uint64_t lsn) {
  CHECK(!full() && id.high != 0);
  size_t at = home(id.high);
  uint32_t free = 0;
  for (;; at = (at + 1) & bucket_mask_) {
    if (Rest* rest = known_in(at, id)) {
      rest->lsn = lsn;
      return;
    }
    if ((free = buckets_[at].equal(0)) != 0) break;
  }
  const size_t slot = static_cast<size_t>(std::countr_zero(free));
  buckets_[at].high[slot] = id.high;
  rest_[at * IdBucket::slots + slot] = {id.low, lsn};
  ++count_;
}

template <class Visit>
void IdTable::each(Visit visit) const {
  for (size_t at = 0; at <= bucket_mask_; ++at)
    for (uint32_t used = ~buckets_[at].equal(0) & 0xff; used != 0; used &= used - 1) {
      const size_t slot = static_cast<size_t>(std::countr_zero(used));
      const Rest& rest = rest_[at * IdBucket::slots + slot];
      visit(at, IdEntry{{buckets_[at].high[slot], rest.low}, rest.lsn});
    }
}

std::unique_ptr<IdTable> IdTable::doubled() const {
  auto larger = std::make_unique<IdTable>(capacity() * 2);
  each([&](size_t, const IdEntry& entry) { larger->insert(entry.hash, entry.lsn); });
  return larger;
}

// Overflow at the end of the table wraps to its start: what stands before its own bucket belongs to the end.
std::vector<IdEntry> IdTable::sorted() const {
  std::vector<IdEntry> entries, wrapped;
  entries.reserve(count_);
  each([&](size_t at, const IdEntry& entry) {
    (home(entry.hash.high) > at ? wrapped : entries).push_back(entry);
  });
  entries.insert(entries.end(), wrapped.begin(), wrapped.end());
  sort_nearly_sorted(entries);
  return entries;
}

void IdTable::clear() {
  std::memset(bucket_pages_.data(), 0, bucket_pages_.size());
  count_ = 0;
}

}  // namespace headrace
