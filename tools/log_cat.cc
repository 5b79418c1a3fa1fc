// `headrace log cat` and `headrace log tail`: records as lines of JSON, all of them or the newest and what follows.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "storage/directory.h"
#include "storage/log_reader.h"
#include "storage/log_walker.h"
#include "tools/commands.h"
#include "tools/log_lines.h"

namespace headrace {
namespace {

constexpr auto look_every = std::chrono::milliseconds(100);

// Records of one partition, and holes between them.
class Printer {
 public:
  Printer(uint32_t partition, LogReader reader) : partition_(partition), reader_(std::move(reader)) {}

  Result<> print_rest() {
    RecordView record;
    while (true) {
      Result<bool> more = reader_.next(record);
      if (!more.ok()) return more.problem();
      TRY_DONE(print_holes(*more ? record.lsn : LogReader::unbounded));
      if (!*more) return Done{};
      line_.clear();
      TRY_DONE(append_record_line(partition_, record, line_));
      TRY_DONE(print(line_));
    }
  }

 private:
  Result<> print_holes(Lsn before) {
    const std::vector<Hole>& holes = reader_.holes();
    for (; holes_printed_ < holes.size() && holes[holes_printed_].first < before; ++holes_printed_) {
      line_.clear();
      append_hole_line(partition_, holes[holes_printed_], line_);
      TRY_DONE(print(line_));
    }
    return Done{};
  }

  uint32_t partition_;
  LogReader reader_;
  size_t holes_printed_ = 0;
  std::string line_;
};

// The LSN behind the last record there is.
Result<Lsn> find_end(const PartitionPlace& place) {
  auto walker = LogWalker::at_segment_of(system_disk(), place, LogReader::unbounded);
  if (!walker.ok()) return walker.problem();
  while (true) {
    Result<bool> more = walker->next(false);
    if (!more.ok()) return more.problem();
    if (!*more) return walker->end().lsn;
  }
}

Result<> cat_all(const std::string& data, uint64_t from, std::optional<uint32_t> partition) {
  auto directory = open_to_read(data, partition);
  if (!directory.ok()) return directory.problem();
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) {
    if (partition && p != *partition) continue;
    auto reader = LogReader::open((*directory)->place(p), from);
    if (!reader.ok()) return reader.problem();
    TRY_DONE(Printer(p, std::move(*reader)).print_rest());
  }
  return Done{};
}

Result<> tail_all(const std::string& data, const TailOptions& options) {
  auto directory = open_to_read(data, options.partition);
  if (!directory.ok()) return directory.problem();
  std::vector<Printer> printers;
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) {
    if (options.partition && p != *options.partition) continue;
    auto end = find_end((*directory)->place(p));
    if (!end.ok()) return end.problem();
    auto reader =
        LogReader::open((*directory)->place(p), *end > options.records ? *end - options.records : 1);
    if (!reader.ok()) return reader.problem();
    printers.emplace_back(p, std::move(*reader));
  }
  while (true) {
    for (Printer& printer : printers) TRY_DONE(printer.print_rest());
    if (!options.follow) return Done{};
    if (std::fflush(stdout) != 0) return Problem{Error::storage_io, "stdout", "cannot be written"};
    std::this_thread::sleep_for(look_every);
  }
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> open_to_read(const std::string& data,
                                                    std::optional<uint32_t> partition) {
  DirectoryOptions options;
  options.access = Access::read_only;
  auto directory = DataDirectory::open(data, options);
  if (directory.ok() && partition && *partition >= (*directory)->partitions())
    return Problem{Error::invalid_input, "partition",
                   fmt::format("must be below {}", (*directory)->partitions())};
  return directory;
}

int exit_status(const Result<>& done) {
  if (done.ok() && std::fflush(stdout) == 0) return 0;
  std::fflush(stdout);
  if (!done.ok()) fmt::print(stderr, "headrace: {}\n", done.problem().text());
  return 1;
}

int log_cat(const std::string& data, uint64_t from, std::optional<uint32_t> partition) {
  return exit_status(cat_all(data, from, partition));
}

int log_tail(const std::string& data, const TailOptions& options) {
  return exit_status(tail_all(data, options));
}

}  // namespace headrace
