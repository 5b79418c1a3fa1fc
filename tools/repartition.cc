// `headrace repartition`: a directory that has its name only when it is whole.
#include "src/events/repartition.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "src/events/shards.h"
#include "src/runtime/loop.h"
#include "src/server/server.h"
#include "tools/commands.h"

namespace headrace {
namespace {

constexpr Micros progress_us = 2 * second_us;

// Says every two seconds how far it is.
class Progress {
 public:
  void operator()(const RepartitionReport& report) {
    Micros now = system_clock().monotonic();
    if (now - said_ < progress_us) return;
    said_ = now;
    fmt::print(stderr, "{} of {} records\n", report.records_read, report.records);
  }

 private:
  Micros said_ = system_clock().monotonic();
};

// Opens the new directory as a server would, so that its first start finds the index of event ids made, and closes it.
Result<> index_ids(const DataDirectory& directory, std::shared_ptr<const features::Plan> plan, const Config& config) {
  Loops loops(1);
  auto shards = Shards::open(directory, loops, std::move(plan), shard_rules(config), system_clock());
  if (!shards.ok()) return shards.problem();
  for (uint32_t p = 0; p < (*shards)->count(); ++p) TRY_DONE((**shards)[p].close());
  return Done{};
}

Result<RepartitionReport> fill(const DataDirectory& from, const std::string& path, uint32_t partitions,
                               const Config& config) {
  auto plan = feature_plan(config);
  if (!plan.ok()) return plan.problem();
  DirectoryOptions options;
  options.partitions_if_new = partitions;
  auto into = DataDirectory::open(path, options);
  if (!into.ok()) return into.problem();
  const ShardRules rules = shard_rules(config);
  auto report = repartition(from, **into, *plan,
                            {.segment_bytes = rules.segment_bytes, .free_bytes_min = rules.free_bytes_min}, Progress());
  if (!report.ok()) return report.problem();
  TRY_DONE(index_ids(**into, *plan, config));
  return report;
}

// What an earlier try left goes; what is there under the real name stays.
Result<> clear_the_way(const std::string& into, const std::string& unnamed) {
  auto exists = system_disk().exists(into);
  if (!exists.ok()) return exists.problem();
  if (*exists) return Problem{Error::bad_configuration, into, "exists already"};
  std::error_code failed;
  std::filesystem::remove_all(unnamed, failed);
  if (failed) return Problem{Error::storage_io, unnamed, failed.message()};
  return Done{};
}

std::string parent_of(const std::string& path) {
  auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

Result<RepartitionReport> repartition_into(const Config& config, std::string into, uint32_t partitions) {
  while (into.size() > 1 && into.ends_with('/')) into.pop_back();
  const std::string unnamed = into + ".tmp";
  DirectoryOptions options;
  options.create = false;
  auto from = DataDirectory::open(config.data, options);
  if (!from.ok()) return from.problem();
  TRY_DONE(clear_the_way(into, unnamed));
  auto report = fill(**from, unnamed, partitions, config);
  if (!report.ok()) return report;
  TRY_DONE(system_disk().rename(unnamed, into));
  TRY_DONE(system_disk().sync_directory(parent_of(into)));
  return report;
}

}  // namespace

int repartition_data(const Config& config, const RepartitionWish& wish) {
  auto report = repartition_into(config, wish.into, wish.partitions);
  if (!report.ok()) return exit_status(report.problem());
  fmt::print("{}: {} partitions, {} events, {} changes of documents, {} folds between partitions\n", wish.into,
             wish.partitions, report->events, report->documents, report->folds);
  return 0;
}

}  // namespace headrace
