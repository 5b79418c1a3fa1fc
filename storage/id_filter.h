// Blocked Bloom filter of a run: eight bits per id, all in one cache line, one in each of its eight words.
//
// After F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007): a lookup
// costs one cache miss. The line is chosen by the high half of the hash, in order, so that a run written in
// the order of its hashes fills its filter from one end to the other; the bits by the low half. As in N.
// Dayan, M. Athanassoulis, S. Idreos, "Monkey" (2017), small runs get more bits per id: they cost little and
// are probed as often.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "storage/id_hash.h"
#include "storage/id_pages.h"

namespace headrace {

struct alignas(64) IdFilterLine {
  std::array<uint64_t, 8> words;
};
static_assert(sizeof(IdFilterLine) == 64);

// The eight bits of one id, computed once and tried on the filters of all runs.
class IdFilterBits {
 public:
  explicit IdFilterBits(const IdHash& id) {
    for (size_t i = 0; i < shifts_.size(); ++i) shifts_[i] = (id.low >> (6 * i)) & 63;
  }

  bool may_be_in(const IdFilterLine& line) const {
    uint64_t all = 1;
    for (size_t i = 0; i < shifts_.size(); ++i) all &= line.words[i] >> shifts_[i];
    return all != 0;
  }

  void set_in(IdFilterLine& line) const {
    for (size_t i = 0; i < shifts_.size(); ++i) line.words[i] |= uint64_t{1} << shifts_[i];
  }

 private:
  alignas(64) std::array<uint64_t, 8> shifts_;
};

class IdFilter {
 public:
  // A table's worth fills a huge page; up to a few of them merged, and all above.
  static constexpr uint64_t fresh_run = 512 * 1024, small_run = 4 * 1024 * 1024;  // ids
  static constexpr uint64_t bits_per_id_fresh = 32, bits_per_id_small = 16, bits_per_id = 12;

  static uint64_t lines_for(uint64_t ids) {
    const uint64_t bits = ids <= fresh_run   ? bits_per_id_fresh
                          : ids <= small_run ? bits_per_id_small
                                             : bits_per_id;
    return std::max<uint64_t>(ids * bits / 512, 1);
  }

  IdFilter() = default;
  explicit IdFilter(uint64_t line_count) : pages_(line_count * sizeof(IdFilterLine)), count_(line_count) {}

  void add(const IdHash& id) { IdFilterBits(id).set_in(lines()[scale_to(id.high, count_)]); }

  IdFilterLine* lines() const { return reinterpret_cast<IdFilterLine*>(pages_.data()); }
  uint64_t line_count() const { return count_; }
  char* bytes() const { return pages_.data(); }
  size_t byte_count() const { return pages_.size(); }

 private:
  IdPages pages_;
  uint64_t count_ = 0;
};

}  // namespace headrace
