// Opening the directory of a dedup index.
#include "storage/id_recovery.h"

#include <algorithm>
#include <array>

#include "codec/checksum.h"
#include "src/base/log.h"
#include "storage/id_merge.h"

namespace headrace {
namespace {

using FloorFile = std::array<uint64_t, 3>;
constexpr uint64_t floor_magic = 0x3146'4449'5245'4148;

std::string_view bytes_of(const FloorFile& file, size_t words) {
  return {reinterpret_cast<const char*>(file.data()), words * sizeof(uint64_t)};
}

// Damaged or not there: 1, so that a window that began later is built anew from the log.
uint64_t read_floor(Disk& disk, const std::string& dir) {
  FloorFile floor{};
  auto text = read_file(disk, dir + "/FLOOR", sizeof floor);
  if (!text.ok() || text->size() != sizeof floor) return 1;
  std::copy(text->begin(), text->end(), reinterpret_cast<char*>(floor.data()));
  const bool good = floor[0] == floor_magic && floor[2] == hash64(bytes_of(floor, 2));
  return good ? std::max<uint64_t>(floor[1], 1) : 1;
}

Result<> discard(Disk& disk, const std::string& path, std::string_view why) {
  log_line(Level::warning, "dedup_run_discarded", {{"path", std::string_view(path)}, {"why", why}});
  return disk.remove(path);
}

using Runs = std::vector<std::shared_ptr<IdRun>>;

Result<> open_run(Disk& disk, const std::string& path, uint64_t log_identity, Runs& runs) {
  auto run = IdRun::open(disk, path);
  if (!run.ok()) return discard(disk, path, run.problem().detail);
  if ((*run)->header().log_identity != log_identity) return discard(disk, path, "it belongs to another log");
  runs.push_back(std::move(*run));
  return Done{};
}

Result<Runs> open_runs(Disk& disk, const std::string& dir, uint64_t log_identity) {
  auto names = disk.list(dir);
  if (!names.ok()) return names.problem();
  Runs runs;
  for (const std::string& name : *names) {
    if (name.ends_with(".tmp")) TRY_DONE(disk.remove(dir + "/" + name));
    if (name.ends_with(".run")) TRY_DONE(open_run(disk, dir + "/" + name, log_identity, runs));
  }
  std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) {
    return std::pair(a->header().from, ~a->header().to) < std::pair(b->header().from, ~b->header().to);
  });
  return runs;
}

// Keeps what is covered without a gap from the window's start on. The parts of a merged run lie within it.
Result<> keep_unbroken(Disk& disk, Runs opened, IdLoaded& loaded) {
  for (auto& run : opened) {
    const auto& header = run->header();
    const bool part = header.to <= loaded.covered;
    const bool gap = header.from > loaded.covered + 1;
    if (part) TRY_DONE(disk.remove(run->path()));
    if (gap) TRY_DONE(discard(disk, run->path(), "a run before it is missing"));
    if (part || gap) continue;
    loaded.covered = header.to;
    loaded.runs.push_back(std::move(run));
  }
  return Done{};
}

// A run that cannot be cut is given up: the log has what was in it.
Result<> cut_last(Disk& disk, const std::string& dir, uint64_t log_end_lsn, IdLoaded& loaded) {
  const auto run = loaded.runs.back();
  loaded.runs.pop_back();
  if (run->header().from <= log_end_lsn) {
    auto shorter = merge_runs(disk, dir, {run}, {.first_lsn = 1, .last_lsn = log_end_lsn, .between = {}});
    if (shorter.ok()) loaded.runs.push_back(std::move(*shorter));
  }
  return discard(disk, run->path(), "it goes beyond the end of the log");
}

Result<> cut_to_log(Disk& disk, const std::string& dir, uint64_t log_end_lsn, IdLoaded& loaded) {
  if (loaded.first_lsn > log_end_lsn + 1) {
    loaded.first_lsn = log_end_lsn + 1;
    TRY_DONE(write_id_floor(disk, dir, loaded.first_lsn));
  }
  while (!loaded.runs.empty() && loaded.runs.back()->header().to > log_end_lsn)
    TRY_DONE(cut_last(disk, dir, log_end_lsn, loaded));
  loaded.covered = loaded.first_lsn - 1;
  if (!loaded.runs.empty()) loaded.covered = std::max(loaded.covered, loaded.runs.back()->header().to);
  return Done{};
}

}  // namespace

Result<> write_id_floor(Disk& disk, const std::string& dir, uint64_t first_lsn) {
  FloorFile floor{floor_magic, first_lsn, 0};
  floor[2] = hash64(bytes_of(floor, 2));
  const std::string path = dir + "/FLOOR", draft = path + ".tmp";
  TRY_DONE(disk.remove(draft));
  auto file = disk.open(draft, OpenMode::create);
  if (!file.ok()) return file.problem();
  TRY_DONE((*file)->write_at(bytes_of(floor, 3), 0));
  TRY_DONE((*file)->sync());
  TRY_DONE(disk.rename(draft, path));
  return disk.sync_directory(dir);
}

Result<IdLoaded> load_ids(Disk& disk, const std::string& dir, uint64_t log_identity, uint64_t log_end_lsn) {
  TRY_DONE(disk.create_directory(dir));
  auto opened = open_runs(disk, dir, log_identity);
  if (!opened.ok()) return opened.problem();
  IdLoaded loaded;
  loaded.first_lsn = read_floor(disk, dir);
  loaded.covered = loaded.first_lsn - 1;
  TRY_DONE(keep_unbroken(disk, std::move(*opened), loaded));
  TRY_DONE(cut_to_log(disk, dir, std::min(log_end_lsn, UINT64_MAX - 1), loaded));
  return loaded;
}

}  // namespace headrace
