// `headrace log verify` and `headrace log info`: what is in the log, and whether it is whole.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "storage/verify.h"
#include "tools/commands.h"
#include "tools/log_lines.h"

namespace headrace {
namespace {

void print_rewritten(const SegmentReport& segment) {
  fmt::print("; rewritten, {:.1f}:1",
             static_cast<double>(segment.bytes_raw) / static_cast<double>(segment.file_bytes));
  fmt::print(", index {} bytes ({} event ids, {} users, {} sessions, {} carts by frame)", segment.index_bytes,
             segment.index_entries[0], segment.index_entries[1], segment.index_entries[2],
             segment.index_entries[3]);
  if (segment.records_gone) fmt::print(", {} records dropped", segment.records_gone);
}

void print_hole(const Hole& hole) {
  fmt::print(
      "    HOLE: LSN {}..{} were accepted to be lost by {} at {}: bytes {}..{} of {}, {}; signed with {}\n",
      hole.first, hole.last, hole.by, time_text(hole.time), hole.offset, hole.end_offset,
      segment_name(hole.segment), hole.reason, to_text(hole.key));
}

void print_segment(const SegmentReport& segment) {
  fmt::print("  {}: LSN {}..{}, {} records in {} {}, {} of {} bytes used, {} raw", segment.path,
             segment.first_lsn, segment.last_lsn, segment.records, segment.batches,
             segment.rewritten ? "frames" : "batches", segment.bytes_used, segment.file_bytes,
             segment.bytes_raw);
  if (segment.batches) fmt::print(", {} to {}", time_text(segment.first_time), time_text(segment.last_time));
  if (segment.rewritten) print_rewritten(segment);
  fmt::print("\n");
  for (const Hole& hole : segment.holes) print_hole(hole);
}

void print_kinds(const LogReport& report) {
  for (Kind kind : {Kind::event, Kind::put, Kind::erase, Kind::control, Kind::fold})
    if (uint64_t count = report.records_by_kind[static_cast<size_t>(kind)])
      fmt::print("  {} {} records\n", count, name_of(kind));
}

Result<bool> report_partition(const DataDirectory& directory, uint32_t partition, Depth depth) {
  auto report = inspect_log(directory.place(partition), depth);
  if (!report.ok()) return report.problem();
  uint64_t records = 0, batches = 0;
  for (auto& segment : report->segments) records += segment.records, batches += segment.batches;
  Lsn last = report->segments.empty() ? 0 : report->segments.back().last_lsn;
  Lsn first = report->segments.empty() ? 1 : report->segments.front().first_lsn;
  fmt::print("partition {}: LSN {}..{}, {} records in {} batches, {} segments ({} rewritten)\n", partition,
             first, last, records, batches, report->segments.size(),
             std::ranges::count_if(report->segments, [](auto& segment) { return segment.rewritten; }));
  for (auto& segment : report->segments) print_segment(segment);
  print_kinds(*report);
  uint64_t holes = 0;
  for (auto& segment : report->segments) holes += segment.holes.size();
  if (holes) fmt::print("  {} holes: their signatures are good\n", holes);
  if (report->begin)
    fmt::print("  begins at LSN {} as signed at {} ({})\n", first, time_text(report->begin->time), report->begin->why);
  if (report->torn_bytes)
    fmt::print("  {} bytes behind the end are torn; the next start will cut them\n", report->torn_bytes);
  if (report->damage) fmt::print("  DAMAGED: {}\n", report->damage->text());
  return !report->damage;
}

void print_keys(const DataDirectory& directory) {
  for (const PublicKey& key : directory.signers())
    fmt::print("  signing key {}{}\n", to_text(key), key == directory.signers().back() ? "" : " (replaced)");
}

int report_all(const std::string& data, Depth depth) {
  DirectoryOptions options;
  options.access = Access::read_only;
  auto directory = DataDirectory::open(data, options);
  Result<bool> good = directory.ok() ? Result<bool>(true) : Result<bool>(directory.problem());
  if (good.ok())
    fmt::print("data directory {}: {} partitions, uuid {}, created {}\n", data, (*directory)->partitions(),
               to_text((*directory)->uuid()), time_text((*directory)->created()));
  if (good.ok()) print_keys(**directory);
  for (uint32_t p = 0; good.ok() && p < (*directory)->partitions(); ++p) {
    Result<bool> one = report_partition(**directory, p, depth);
    // Goes on behind a damaged partition, to show all damage there is.
    good = !one.ok() ? one : Result<bool>(*good && *one);
  }
  if (!good.ok()) fmt::print(stderr, "headrace: {}\n", good.problem().text());
  if (good.ok() && depth == Depth::records)
    fmt::print("{}\n", *good ? "the log is whole" : "the log is DAMAGED");
  return good.ok() && *good ? 0 : 1;
}

}  // namespace

int log_verify(const std::string& data) { return report_all(data, Depth::records); }

int log_info(const std::string& data) { return report_all(data, Depth::headers); }

}  // namespace headrace
