// Opening the directory of a dedup index.
#include "storage/id_recovery.h"

#include <algorithm>
#include <cstring>

#include "codec/checksum.h"
#include "src/base/log.h"
#include "storage/id_merge.h"

namespace headrace {
namespace {

constexpr uint64_t floor_magic = 0x3246'4449'5245'4148;
constexpr size_t floor_bytes_max = 64 * 1024;
static_assert((limits::id_window_marks + 8) * sizeof(IdMark) < floor_bytes_max);

using Words = std::vector<uint64_t>;

uint64_t hash_of(const Words& words) {
  return hash64({reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t)});
}

// Damaged or not there: as if nothing had been forgotten, so that a window that began later is built anew
// from the log.
IdFloor read_floor(Disk& disk, const std::string& dir) {
  IdFloor floor;
  auto text = read_file(disk, dir + "/FLOOR", floor_bytes_max);
  if (!text.ok() || text->size() % sizeof(uint64_t) != 0 || text->size() < 4 * sizeof(uint64_t)) return floor;
  Words words(text->size() / sizeof(uint64_t));
  std::memcpy(words.data(), text->data(), text->size());
  const uint64_t hash = words.back();
  words.pop_back();
  if (words[0] != floor_magic || hash != hash_of(words) || words.size() != 3 + 2 * words[2]) return floor;
  floor.first_lsn = std::max<uint64_t>(words[1], 1);
  for (size_t i = 3; i < words.size(); i += 2)
    floor.marks.push_back({static_cast<Micros>(words[i]), words[i + 1]});
  return floor;
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
    TRY_DONE(write_id_floor(disk, dir, {loaded.first_lsn}));
  }
  while (!loaded.runs.empty() && loaded.runs.back()->header().to > log_end_lsn)
    TRY_DONE(cut_last(disk, dir, log_end_lsn, loaded));
  loaded.covered = loaded.first_lsn - 1;
  if (!loaded.runs.empty()) loaded.covered = std::max(loaded.covered, loaded.runs.back()->header().to);
  return Done{};
}

// What is added again from the log brings its own marks along.
void keep_marks(IdLoaded& loaded) {
  auto& marks = loaded.marks;
  auto beyond =
      std::find_if(marks.begin(), marks.end(), [&](auto& mark) { return mark.lsn > loaded.covered; });
  if (beyond == marks.end()) return;
  beyond->lsn = loaded.covered;
  marks.erase(beyond + 1, marks.end());
}

}  // namespace

Result<> write_id_floor(Disk& disk, const std::string& dir, const IdFloor& floor) {
  Words words{floor_magic, floor.first_lsn, floor.marks.size()};
  for (const IdMark& mark : floor.marks)
    words.insert(words.end(), {static_cast<uint64_t>(mark.time), mark.lsn});
  words.push_back(hash_of(words));
  const std::string path = dir + "/FLOOR", draft = path + ".tmp";
  TRY_DONE(disk.remove(draft));
  auto file = disk.open(draft, OpenMode::create);
  if (!file.ok()) return file.problem();
  TRY_DONE(
      (*file)->write_at({reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t)}, 0));
  TRY_DONE((*file)->sync());
  TRY_DONE(disk.rename(draft, path));
  return disk.sync_directory(dir);
}

Result<IdLoaded> load_ids(Disk& disk, const std::string& dir, uint64_t log_identity, uint64_t log_end_lsn) {
  TRY_DONE(disk.create_directory(dir));
  auto opened = open_runs(disk, dir, log_identity);
  if (!opened.ok()) return opened.problem();
  IdLoaded loaded;
  static_cast<IdFloor&>(loaded) = read_floor(disk, dir);
  loaded.covered = loaded.first_lsn - 1;
  TRY_DONE(keep_unbroken(disk, std::move(*opened), loaded));
  TRY_DONE(cut_to_log(disk, dir, std::min(log_end_lsn, UINT64_MAX - 1), loaded));
  TRY_DONE(disk.sync_directory(dir));  // a run removed must not come back when its LSNs are used again
  keep_marks(loaded);
  return loaded;
}

}  // namespace headrace
