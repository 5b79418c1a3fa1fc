// Opening all partitions, side by side: recovery of one does not wait for another's.
#include "src/events/shards.h"

#include <thread>

namespace headrace {

Result<std::unique_ptr<Shards>> Shards::open(const DataDirectory& directory, Loops& loops,
                                             std::shared_ptr<const features::Plan> plan,
                                             const ShardRules& rules, Clock& clock) {
  std::unique_ptr<Shards> all(new Shards(directory));
  std::vector<std::unique_ptr<Result<std::unique_ptr<Shard>>>> opened(all->partitions_);
  std::vector<std::thread> threads;
  for (uint32_t p = 0; p < all->partitions_; ++p)
    threads.emplace_back([&, p] {
      opened[p] = std::make_unique<Result<std::unique_ptr<Shard>>>(
          Shard::open(*all, loops[p % loops.size()], directory.place(p), plan, rules, clock));
    });
  for (auto& thread : threads) thread.join();
  for (auto& result : opened) {
    if (!result->ok()) return result->problem();
    all->shards_.push_back(std::move(**result));
    all->raw_indexes_.push_back(std::make_unique<RawIndexes>());
  }
  return all;
}

}  // namespace headrace
