// `headrace log repair`: a damaged log made whole by whoever says that he knows what is lost.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "storage/repair.h"
#include "storage/verify.h"
#include "tools/commands.h"

namespace headrace {
namespace {

// "12..40", or "12" alone.
Result<LsnRange> parse_range(std::string_view text) {
  size_t dots = text.find("..");
  std::string_view first = text.substr(0, dots), last = dots == text.npos ? first : text.substr(dots + 2);
  LsnRange range;
  auto number = [](std::string_view word, Lsn& lsn) {
    auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), lsn);
    return code == std::errc() && end == word.data() + word.size();
  };
  if (number(first, range.first) && number(last, range.last) && range.first > 0 && range.first <= range.last)
    return range;
  return Problem(Error::bad_configuration, "accept-loss", fmt::format("\"{}\" must be FIRST..LAST", text));
}

std::string user_at_host() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const passwd* user = ::getpwuid(::getuid());
  return fmt::format("{}@{}", user != nullptr ? user->pw_name : std::to_string(::getuid()), host);
}

void print(const RepairReport& report, const PublicKey& key) {
  for (const std::string& path : report.rewritten) fmt::print("written anew: {}\n", path);
  if (report.segment_added) fmt::print("a segment was added for the log to go on in\n");
  if (report.slots_moved)
    fmt::print("{} slots of CKPT moved to where a replay can begin\n", report.slots_moved);
  if (report.base_lsn)
    fmt::print("the state of LSN {} has what is lost: it was kept as a base\n", report.base_lsn);
  if (report.begin_lost)
    fmt::print("the log begins behind LSN {}..{}, which were there; accepted\n", report.begin_lost->first, report.begin_lost->last);
  if (report.begin_signed) fmt::print("BEGIN says where the log begins, signed with {}\n", to_text(key));
  for (const Hole& hole : report.holes)
    fmt::print("hole: LSN {}..{}, bytes {}..{} of {}: {}; accepted by {}, signed with {}\n", hole.first,
               hole.last, hole.offset, hole.end_offset, segment_name(hole.segment), hole.reason, hole.by,
               to_text(key));
}

Result<> repair(const std::string& data, const RepairCommand& command) {
  RepairOptions options;
  for (const std::string& text : command.accepted) {
    auto range = parse_range(text);
    if (!range.ok()) return range.problem();
    options.accepted.push_back(*range);
  }
  auto directory = DataDirectory::open(data, {.create = false});
  if (!directory.ok()) return directory.problem();
  if (command.partition >= (*directory)->partitions())
    return Problem(Error::bad_configuration, "partition", "There is no such partition");
  options.place = (*directory)->place(command.partition);
  options.key = &(*directory)->signing_key();
  options.by = command.by.empty() ? user_at_host() : command.by;
  auto report = repair_log(options);
  if (!report.ok()) return report.problem();
  print(*report, options.key->public_key());
  auto after = inspect_log(options.place, Depth::records);
  if (!after.ok()) return after.problem();
  if (after->damage) return *after->damage;
  fmt::print("the log of partition {} is whole{}\n", command.partition,
             report->holes.empty() ? "" : ", but for its holes");
  return Done{};
}

}  // namespace

int log_repair(const std::string& data, const RepairCommand& command) {
  return exit_status(repair(data, command));
}

}  // namespace headrace
