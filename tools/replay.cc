// `headrace replay --verify`, `headrace state digest`, `headrace base`: what works on the state of a stopped directory.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "src/events/event_fold.h"
#include "src/server/server.h"
#include "storage/partition.h"
#include "storage/verify.h"
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
  std::shared_ptr<const features::Plan> plan;  // that its rows are made by, whatever the configuration says
};

// Opens a partition as the next start would. Folds that were on their way stay so.
template <class Visit>
auto with_partition(const DataDirectory& directory, uint32_t p, std::shared_ptr<const features::Plan> plan,
                    Visit visit) -> decltype(visit(std::declval<Partition&>(), std::declval<EventFold&>())) {
  FoldOutbox outbox(p, directory.partitions());
  EventFold fold(std::move(plan), p, directory.partitions(), &outbox);
  auto partition = Partition::open(options_of(directory, p), fold);
  if (!partition.ok()) return partition.problem();
  if (auto oldest = outbox.oldest()) (*partition)->hold(*oldest);
  return visit(**partition, fold);
}

Result<Live> live_digest(const DataDirectory& directory, uint32_t p,
                         std::shared_ptr<const features::Plan> plan) {
  return with_partition(directory, p, std::move(plan), [](Partition& partition, EventFold& fold) -> Result<Live> {
    Result<Digest> digest = partition.full_digest();
    if (!digest.ok()) return digest.problem();
    return Live{*digest, partition.applied_lsn(), fold.plan()};
  });
}

// What a command has to say of a partition; its exit status is that of the worst.
enum Comparison : int { good = 0, explained_by_hole = 3, bad = 1 };

Result<Comparison> base_of(const DataDirectory& directory, uint32_t p, std::shared_ptr<const features::Plan> plan) {
  return with_partition(directory, p, std::move(plan), [p](Partition& partition, EventFold&) -> Result<Comparison> {
    Result<Lsn> lsn = partition.make_base();
    if (!lsn.ok()) return lsn.problem();
    if (*lsn > 0) fmt::print("partition {}: base of LSN {}\n", p, *lsn);
    if (*lsn == 0) fmt::print("partition {}: empty, no base is needed\n", p);
    return good;
  });
}

// The first loss that was accepted: from there on a replay has less than a state that a checkpoint kept.
Result<std::optional<Hole>> first_hole(const PartitionPlace& place) {
  auto report = inspect_log(place, Depth::headers);
  if (!report.ok()) return report.problem();
  if (report->damage) return *report->damage;
  for (auto& segment : report->segments)
    if (!segment.holes.empty()) return std::optional(segment.holes.front());
  return std::optional<Hole>();
}

Result<Comparison> judge(const PartitionPlace& place, bool same) {
  if (same) return good;
  auto hole = first_hole(place);
  if (!hole.ok()) return hole.problem();
  if (!*hole) return bad;
  fmt::print("  LSN {}..{} were accepted to be lost by {}: what stood there is in the state, and in no log\n",
             (*hole)->first, (*hole)->last, (*hole)->by);
  return explained_by_hole;
}

Result<Comparison> verify_partition(const DataDirectory& directory, uint32_t p,
                              std::shared_ptr<const features::Plan> plan) {
  Result<Live> live = live_digest(directory, p, std::move(plan));
  if (!live.ok()) return live.problem();
  EventFold fold(live->plan, p, directory.partitions(), nullptr);
  auto started = std::chrono::steady_clock::now();
  Result<Rebuilt> rebuilt = rebuild(options_of(directory, p), directory.path() + "/replay.tmp", fold);
  if (!rebuilt.ok()) return rebuilt.problem();
  double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  bool same = rebuilt->digest == live->digest && rebuilt->last_lsn == live->last;
  if (rebuilt->base_lsn > 0) fmt::print("partition {}: begun with the base of LSN {}\n", p, rebuilt->base_lsn);
  fmt::print(
      "partition {}: live {} at LSN {}, replayed {} at LSN {}: {} ({} records in {:.2f} s, {:.0f} "
      "records/s)\n",
      p, text_of(live->digest), live->last, text_of(rebuilt->digest), rebuilt->last_lsn,
      same ? "equal" : "DIFFERENT", rebuilt->records, took, static_cast<double>(rebuilt->records) / took);
  return judge(directory.place(p), same);
}

template <class Visit>
Result<Comparison> each_partition(const Config& config, Visit visit) {
  auto plan = feature_plan(config);
  if (!plan.ok()) return plan.problem();
  DirectoryOptions options;
  options.create = false;
  auto directory = DataDirectory::open(config.data, options);
  if (!directory.ok()) return directory.problem();
  Comparison all = good;
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) {
    Result<Comparison> one = visit(**directory, p, *plan);
    if (!one.ok()) return one;
    if (all != bad && *one != good) all = *one;
  }
  return all;
}

int status_of(const Result<Comparison>& result) {
  if (!result.ok()) fmt::print(stderr, "headrace: {}\n", result.problem().text());
  return result.ok() ? *result : bad;
}

}  // namespace

int replay_verify(const Config& config) {
  Result<Comparison> verdict = each_partition(config, verify_partition);
  if (verdict.ok())
    fmt::print("{}\n", *verdict == good  ? "the state is what the log says"
                       : *verdict == bad ? "the state DIFFERS from the log"
                                         : "the state has what stood in a hole of the log");
  return status_of(verdict);
}

int state_digest(const Config& config) {
  return status_of(each_partition(config,
                                  [](const DataDirectory& directory, uint32_t p,
                                     std::shared_ptr<const features::Plan> plan) -> Result<Comparison> {
                                    Result<Live> live = live_digest(directory, p, std::move(plan));
                                    if (!live.ok()) return live.problem();
                                    fmt::print("partition {}: {} at LSN {}\n", p, text_of(live->digest),
                                               live->last);
                                    return good;
                                  }));
}

int make_bases(const Config& config) { return status_of(each_partition(config, base_of)); }

}  // namespace headrace
