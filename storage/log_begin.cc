// Reading, writing and comparing BEGIN.
#include "storage/checked_lines.h"
#include "storage/log_begin.h"

#include <utility>

#include "storage/signed_lines.h"

namespace headrace {
namespace {

constexpr std::string_view begin_first_line = "begin 1\n";
constexpr size_t begin_bytes_max = 4096;

}  // namespace

Result<> write_log_begin(Disk& disk, const PartitionPlace& place, const SigningKey& key, const LogBegin& begin) {
  SignedLines lines(begin_first_line, place);
  lines.add("lsn", std::to_string(begin.lsn));
  lines.add("why", begin.why);
  lines.add("time", std::to_string(begin.time));
  TRY_DONE(replace_file(disk, place.begin(), std::move(lines).sign(key)));
  return disk.sync_directory(place.path);
}

Result<std::optional<LogBegin>> read_log_begin(Disk& disk, const PartitionPlace& place) {
  auto exists = disk.exists(place.begin());
  if (!exists) return exists.problem();
  if (!*exists) return std::optional<LogBegin>();
  auto text = read_file(disk, place.begin(), begin_bytes_max);
  if (!text) return text.problem();
  LogBegin begin;
  auto found = read_signed(*text, begin_first_line, place);
  bool good = found && found->bytes == text->size() && parse_number(found->lines["lsn"], begin.lsn) && begin.lsn > 0 &&
              parse_number(found->lines["time"], begin.time);
  if (!good) return Problem(Error::storage_damaged, place.begin(), "It is not signed by a key of this data directory");
  begin.why = found->lines["why"];
  return std::optional(std::move(begin));
}

Result<> check_log_begin(Disk& disk, const PartitionPlace& place, Lsn first) {
  if (first == 1) return Done{};  // nothing can be missing before it
  auto begin = read_log_begin(disk, place);
  if (!begin) return begin.problem();
  if (!*begin || first <= (*begin)->lsn) return Done{};
  return Problem(Error::storage_damaged, place.log(),
                 "The log begins only at LSN " + std::to_string(first) + ", and BEGIN says at " + std::to_string((*begin)->lsn) +
                     ": acknowledged records are lost, LSN " + std::to_string((*begin)->lsn) + " to " + std::to_string(first - 1));
}

}  // namespace headrace
