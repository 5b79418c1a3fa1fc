// `headrace log verify` and `headrace log info`: what is in the log, and whether it is whole.
#include <fmt/format.h>

#include <cstdio>

#include "codec/time_text.h"
#include "storage/verify.h"
#include "tools/commands.h"

namespace headrace {
namespace {

std::string time_text(Micros time) {
  std::string out;
  append_time(time, true, out);
  return out;
}

void print_segment(const SegmentReport& segment) {
  fmt::print("  {}: LSN {}..{}, {} records in {} batches, {} of {} bytes used, {} raw", segment.path,
             segment.first_lsn, segment.last_lsn, segment.records, segment.batches, segment.bytes_used,
             segment.file_bytes, segment.bytes_raw);
  if (segment.batches) fmt::print(", {} to {}", time_text(segment.first_time), time_text(segment.last_time));
  fmt::print("\n");
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
  fmt::print("partition {}: LSN 1..{}, {} records in {} batches, {} segments\n", partition, last, records,
             batches, report->segments.size());
  for (auto& segment : report->segments) print_segment(segment);
  print_kinds(*report);
  if (report->torn_bytes)
    fmt::print("  {} bytes behind the end are torn; the next start will cut them\n", report->torn_bytes);
  if (report->damage) fmt::print("  DAMAGED: {}\n", report->damage->text());
  return !report->damage;
}

int report_all(const std::string& data, Depth depth) {
  DirectoryOptions options;
  options.access = Access::read_only;
  auto directory = DataDirectory::open(data, options);
  Result<bool> good = directory.ok() ? Result<bool>(true) : Result<bool>(directory.problem());
  if (good.ok())
    fmt::print("data directory {}: {} partitions, uuid {}, created {}\n", data, (*directory)->partitions(),
               to_text((*directory)->uuid()), time_text((*directory)->created()));
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
