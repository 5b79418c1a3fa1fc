// `headrace backup` and `headrace restore`.
#include <fmt/format.h>

#include <charconv>

#include "codec/time_text.h"
#include "src/events/consistent_cut.h"
#include "src/server/server.h"
#include "storage/restore.h"
#include "tools/commands.h"
#include "tools/log_lines.h"

namespace headrace {
namespace {

Result<> print_check(const std::string& path) {
  auto check = verify_backup(system_disk(), path);
  if (!check.ok()) return check.problem();
  for (const BackedUpPartition& one : check->partitions) {
    fmt::print("partition {}: LSN {}..{}, {} bases", one.partition, one.first_lsn, one.last_lsn, one.bases.size());
    fmt::print("{}\n", one.bases.empty() ? "" : fmt::format(" (LSN {})", fmt::join(one.bases, ", ")));
  }
  for (const std::string& wrong : check->wrong) fmt::print("DAMAGED: {}\n", wrong);
  fmt::print("{}\n", check->wrong.empty() ? "the backup is whole" : "the backup is NOT whole");
  return check->wrong.empty() ? Result<>(Done{}) : Problem{Error::storage_damaged, path, "The backup is not whole"};
}

Result<> back_up(const BackupCommand& command) {
  if (command.verify_only) return print_check(command.into);
  auto report = make_backup(system_disk(), system_clock(), command.data, command.into);
  if (!report.ok()) return report.problem();
  fmt::print("{} files, {} bytes; copied {} files, {} bytes; removed {}\n", report->files, report->bytes,
             report->files_copied, report->bytes_copied, report->files_removed);
  return print_check(command.into);
}

Problem bad_lsn(std::string_view text) {
  return {Error::invalid_input, "lsn", fmt::format("must be PARTITION:LSN, not {}", text)};
}

Result<> take_lsn(const std::string& text, WantedCut& wanted) {
  const char* end = text.data() + text.size();
  size_t partition = 0;
  uint64_t lsn = 0;
  auto colon = std::from_chars(text.data(), end, partition);
  if (colon.ec != std::errc() || colon.ptr == end || *colon.ptr != ':') return bad_lsn(text);
  auto last = std::from_chars(colon.ptr + 1, end, lsn);
  if (last.ec != std::errc() || last.ptr != end) return bad_lsn(text);
  if (partition >= wanted.last.size())
    return Problem{Error::invalid_input, "lsn", fmt::format("there are {} partitions", wanted.last.size())};
  wanted.last[partition] = lsn;
  return Done{};
}

Result<WantedCut> wanted_of(const RestoreCommand& command, uint32_t partitions) {
  WantedCut wanted;
  wanted.last.resize(partitions);
  for (const std::string& text : command.lsns) TRY_DONE(take_lsn(text, wanted));
  if (command.time.empty()) return wanted;
  wanted.time = parse_time(command.time);
  if (wanted.time) return wanted;
  return Problem{Error::invalid_input, "time", "must be a time such as 2025-09-30T12:00:00Z"};
}

Result<> restore(const RestoreCommand& command) {
  auto backup = open_to_read(command.from, {});
  if (!backup.ok()) return backup.problem();
  auto wanted = wanted_of(command, (*backup)->partitions());
  if (!wanted.ok()) return wanted.problem();
  auto plan = feature_plan(Config{});  // whatever it is: only the ranks of folds are looked at
  if (!plan.ok()) return plan.problem();
  std::vector<PartitionPlace> places;
  for (uint32_t p = 0; p < (*backup)->partitions(); ++p) places.push_back((*backup)->place(p));
  auto cut = consistent_cut(places, *wanted, **plan);
  if (!cut.ok()) return cut.problem();
  RestoreOptions options{.from = command.from, .into = command.into, .last = cut->last};
  if (cut->first_left_out) options.bases_until = *cut->first_left_out;
  auto report = restore_backup(options);
  if (!report.ok()) return report.problem();
  for (size_t p = 0; p < cut->last.size(); ++p) fmt::print("partition {}: up to LSN {}\n", p, cut->last[p]);
  if (cut->first_left_out) fmt::print("left out: from {} on\n", time_text(*cut->first_left_out));
  fmt::print("restored {} files, {} bytes, {} bases\n", report->files, report->bytes, report->bases);
  return log_verify(command.into) == 0 ? Result<>(Done{})
                                       : Problem{Error::storage_damaged, command.into, "The restored log is damaged"};
}

}  // namespace

int backup(const BackupCommand& command) { return exit_status(back_up(command)); }
int restore_directory(const RestoreCommand& command) { return exit_status(restore(command)); }

}  // namespace headrace
