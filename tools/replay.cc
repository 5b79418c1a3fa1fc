// `headrace replay --verify` and `headrace state digest`: is the state what the log says it is?
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "src/events/event_fold.h"
#include "src/server/server.h"
#include "storage/partition.h"
#include "tools/commands.h"

namespace headrace {
namespace {

std::string text_of(const Digest& digest) { return fmt::format("{:016x}{:016x}", digest.high, digest.low); }

PartitionOptions options_of(const DataDirectory& directory, uint32_t partition) {
  PartitionOptions options;
  options.place = directory.place(partition);
  return options;
}

struct Live {
  Digest digest;
  Lsn last = 0;
};

// The digest of the state as the next start would find it. Folds that were on their way stay so.
Result<Live> live_digest(const DataDirectory& directory, uint32_t p,
                         std::shared_ptr<const features::Plan> plan) {
  FoldOutbox outbox(p, directory.partitions());
  EventFold fold(std::move(plan), p, directory.partitions(), &outbox);
  auto partition = Partition::open(options_of(directory, p), fold);
  if (!partition.ok()) return partition.problem();
  if (auto oldest = outbox.oldest()) (*partition)->hold(*oldest);
  Result<Digest> digest = (*partition)->full_digest();
  if (!digest.ok()) return digest.problem();
  return Live{*digest, (*partition)->applied_lsn()};
}

Result<bool> verify_partition(const DataDirectory& directory, uint32_t p,
                              std::shared_ptr<const features::Plan> plan) {
  Result<Live> live = live_digest(directory, p, plan);
  if (!live.ok()) return live.problem();
  EventFold fold(std::move(plan), p, directory.partitions(), nullptr);
  auto started = std::chrono::steady_clock::now();
  Result<Rebuilt> rebuilt = rebuild(options_of(directory, p), directory.path() + "/replay.tmp", fold);
  if (!rebuilt.ok()) return rebuilt.problem();
  double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  bool same = rebuilt->digest == live->digest && rebuilt->last_lsn == live->last;
  fmt::print(
      "partition {}: live {} at LSN {}, replayed {} at LSN {}: {} ({} records in {:.2f} s, {:.0f} "
      "records/s)\n",
      p, text_of(live->digest), live->last, text_of(rebuilt->digest), rebuilt->last_lsn,
      same ? "equal" : "DIFFERENT", rebuilt->records, took, static_cast<double>(rebuilt->records) / took);
  return same;
}

template <class Visit>
Result<bool> each_partition(const Config& config, Visit visit) {
  auto plan = feature_plan(config);
  if (!plan.ok()) return plan.problem();
  DirectoryOptions options;
  options.create = false;
  auto directory = DataDirectory::open(config.data, options);
  if (!directory.ok()) return directory.problem();
  bool good = true;
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) {
    Result<bool> one = visit(**directory, p, *plan);
    if (!one.ok()) return one;
    good = good && *one;
  }
  return good;
}

int status_of(const Result<bool>& result) {
  if (!result.ok()) fmt::print(stderr, "headrace: {}\n", result.problem().text());
  return result.ok() && *result ? 0 : 1;
}

}  // namespace

int replay_verify(const Config& config) {
  Result<bool> same = each_partition(config, verify_partition);
  if (same.ok())
    fmt::print("{}\n", *same ? "the state is what the log says" : "the state DIFFERS from the log");
  return status_of(same);
}

int state_digest(const Config& config) {
  return status_of(each_partition(config,
                                  [](const DataDirectory& directory, uint32_t p,
                                     std::shared_ptr<const features::Plan> plan) -> Result<bool> {
                                    Result<Live> live = live_digest(directory, p, std::move(plan));
                                    if (!live.ok()) return live.problem();
                                    fmt::print("partition {}: {} at LSN {}\n", p, text_of(live->digest),
                                               live->last);
                                    return true;
                                  }));
}

}  // namespace headrace
