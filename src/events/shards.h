// Shards: all partitions of a data directory, which loop owns which, and where a key is at home.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "src/events/query.h"
#include "src/events/shard.h"
#include "storage/directory.h"

namespace headrace {

// Lives on: made and ended by the server's thread; each shard then belongs to its loop.
class Shards {
 public:
  // Opens every partition of `directory`; partition p is owned by loops[p % loops.size()].
  static Result<std::unique_ptr<Shards>> open(const DataDirectory& directory, Loops& loops,
                                              std::shared_ptr<const features::Plan> plan,
                                              const ShardRules& rules, Clock& clock);

  uint32_t count() const { return static_cast<uint32_t>(shards_.size()); }
  Shard& operator[](uint32_t partition) { return *shards_[partition]; }
  Shard& home(std::string_view key) { return *shards_[home_of(key, partitions_)]; }
  uint32_t partitions() const { return partitions_; }
  const DataDirectory& directory() const { return directory_; }
  const RawIndexSet& raw_indexes() const { return raw_indexes_; }  // for queries

 private:
  Shards(const DataDirectory& directory) : directory_(directory), partitions_(directory.partitions()) {}
  const DataDirectory& directory_;
  const uint32_t partitions_;
  std::vector<std::unique_ptr<Shard>> shards_;
  RawIndexSet raw_indexes_;
};

}  // namespace headrace
