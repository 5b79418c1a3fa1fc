// A run: an immutable file of ids in the order of their hashes, for one range of LSNs, with its filter.
//
// File, little-endian:
//   header   4096 bytes: RunHeader, zeros
//   blocks   4096 bytes each: up to 170 entries (high, low, lsn), count, number, XXH3-64 of the block seeded
//   with `from` fences   8 bytes per block: the high half of its first hash filter   64 bytes per line
//   (id_filter.h)
// The name is ids-FROM-TO.run. A file gets it only when all of it is durable; before, it ends in .tmp.
// Header, fences and filter are verified at open, a block whenever it is read. Lives on: any thread;
// immutable after open.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "storage/disk.h"
#include "storage/id_filter.h"
#include "storage/id_hash.h"

namespace headrace {

struct IdBlock {
  static constexpr size_t entries_max = 170;

  std::array<IdEntry, entries_max> entries;
  uint32_t count;
  uint32_t number;
  uint64_t hash;

  uint64_t computed_hash(uint64_t seed) const;
};
static_assert(sizeof(IdBlock) == 4096);

struct IdRunHeader {
  static constexpr uint64_t magic_value = 0x314e'5552'4449'5248;  // "HRIDRUN1"
  static constexpr size_t page_bytes = 4096;

  uint64_t magic = magic_value;
  uint32_t version = 1, reserved = 0;
  uint64_t log_identity = 0;
  uint64_t from = 0, to = 0;  // every LSN of this range is covered, though not every one is an event
  uint64_t count = 0, blocks = 0, filter_lines = 0;
  uint64_t fences_hash = 0, filter_hash = 0;
  uint64_t hash = 0;  // of all above; last

  uint64_t computed_hash() const;
  uint64_t fences_at() const { return page_bytes + blocks * sizeof(IdBlock); }
  uint64_t filter_at() const { return fences_at() + blocks * sizeof(uint64_t); }
  uint64_t file_bytes() const { return filter_at() + filter_lines * sizeof(IdFilterLine); }
};

class IdRun {
 public:
  static std::string name(uint64_t from, uint64_t to);

  static Result<std::shared_ptr<IdRun>> open(Disk& disk, const std::string& path);
  // Of what was just written: nothing is read again.
  IdRun(std::string path, std::unique_ptr<File> file, const IdRunHeader& header, std::vector<uint64_t> fences,
        IdFilter filter);

  Result<uint64_t> find(const IdHash& id) const;  // its LSN, or 0

  // `count` blocks from `first` on, verified.
  Result<> read_blocks(uint64_t first, size_t count, IdBlock* out) const;

  const std::string& path() const { return path_; }
  const IdRunHeader& header() const { return header_; }
  const IdFilter& filter() const { return filter_; }
  size_t memory_bytes() const { return filter_.byte_count() + fences_.size() * sizeof(uint64_t); }

 private:
  IdRun(std::string path, std::unique_ptr<File> file);
  Result<> load();
  Result<> load_header();
  Problem damaged(const std::string& what) const;
  uint64_t first_block_of(uint64_t high) const;

  std::string path_;
  std::unique_ptr<File> file_;
  IdRunHeader header_;
  std::vector<uint64_t> fences_;
  IdFilter filter_;
};

}  // namespace headrace
