// Copying a data directory that may be in use.
#include "storage/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "src/base/limits.h"
#include "storage/base.h"
#include "storage/checked_lines.h"
#include "storage/log_walker.h"
#include "storage/verify.h"

namespace headrace {
namespace {

constexpr std::string_view format_name = "headrace-backup", backup_format = "1", created_name = "created";
constexpr size_t backup_manifest_bytes_max = 16 * 1024 * 1024;
constexpr uint64_t whole = std::numeric_limits<uint64_t>::max();

std::string text_of(const BackupManifest& manifest) {
  std::string text = fmt::format("{} {}\n{} {}\n", format_name, backup_format, created_name, manifest.created);
  for (const BackupFile& file : manifest.files)
    text += fmt::format("{} {} {}\n", file.path, file.seal.bytes, to_text(file.seal.hash));
  return with_checksum(std::move(text));
}

// "BYTES HASH"
bool parse_seal(std::string_view text, FileSeal& seal) {
  size_t space = text.find(' ');
  if (space == text.npos || text.size() != space + 33) return false;
  return parse_number(text.substr(0, space), seal.bytes) &&
         parse_number(text.substr(space + 1, 16), seal.hash.high, 16) &&
         parse_number(text.substr(space + 17), seal.hash.low, 16);
}

bool is_within(std::string_view path) { return path.find("..") == path.npos && path.front() != '/'; }

// Of the segment that is being written: where its last valid batch ends, in its own file.
Result<uint64_t> valid_bytes(Disk& disk, const PartitionPlace& place, uint32_t segment) {
  auto reader = SegmentReader::open(disk, place, segment);
  if (!reader) return reader.problem();
  const SegmentHeader& header = reader->header();
  if (header.rewritten) return whole;
  auto walker =
      LogWalker::at_position(disk, place, {segment, segment_header_bytes, header.first_lsn, header.chain});
  if (!walker) return walker.problem();
  uint64_t end = segment_header_bytes;
  while (true) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found || walker->position().segment != segment) return end;
    end = walker->end().offset;
  }
}

class BackupWriter {
 public:
  BackupWriter(Disk& disk, Clock& clock, const std::string& from, const std::string& into)
      : disk_(disk), clock_(clock), from_(from), into_(into) {}

  Result<BackupReport> run();

 private:
  Result<> open();
  Result<> copy_all();
  Result<> copy_partition(uint32_t partition);
  Result<> copy_folder(const std::string& folder, const std::vector<std::string>& names);
  Result<> copy(const std::string& path, uint64_t bytes_max = whole);
  Result<> remove_strays();
  Result<> remove_others(const std::string& folder);
  bool listed(const std::string& path) const;

  Disk& disk_;
  Clock& clock_;
  const std::string &from_, &into_;
  std::unique_ptr<DataDirectory> directory_;
  std::map<std::string, FileSeal> there_;  // in the backup
  BackupManifest manifest_;
  BackupReport report_;
};

Result<BackupReport> BackupWriter::run() {
  TRY_DONE(open());
  Result<> done = Done{};
  do done = copy_all();
  while (!done && ++report_.attempts < limits::backup_attempts_max);
  if (!done) return done.problem();
  ++report_.attempts;
  manifest_.created = clock_.wall();
  TRY_DONE(replace_file(disk_, into_ + "/BACKUP", text_of(manifest_)));
  TRY_DONE(disk_.sync_directory(into_));
  TRY_DONE(remove_strays());
  for (const BackupFile& file : manifest_.files) report_.bytes += file.seal.bytes;
  report_.files = manifest_.files.size();
  return report_;
}

// Into an empty directory, or on top of a backup of this very one.
Result<> BackupWriter::open() {
  DirectoryOptions options;
  options.access = Access::read_only;
  options.disk = &disk_;
  auto directory = DataDirectory::open(from_, options);
  if (!directory) return directory.problem();
  directory_ = std::move(*directory);
  TRY_DONE(disk_.create_directory(into_));
  auto names = disk_.list(into_);
  if (!names) return names.problem();
  std::erase(*names, "MANIFEST.tmp");  // of one that broke off before anything else
  if (names->empty()) return Done{};
  auto ours = read_file(disk_, from_ + "/MANIFEST", backup_manifest_bytes_max);
  if (!ours) return ours.problem();
  auto theirs = read_file(disk_, into_ + "/MANIFEST", backup_manifest_bytes_max);
  if (!theirs || *theirs != *ours)
    return Problem(Error::bad_configuration, into_, "It is not empty and holds no backup of this directory");
  auto old = read_backup(disk_, into_);
  if (!old) return Done{};  // it broke off; everything is looked at
  for (BackupFile& file : old->files) there_.emplace(std::move(file.path), file.seal);
  return Done{};
}

// Bases before the log, so that the log reaches beyond them.
Result<> BackupWriter::copy_all() {
  manifest_.files.clear();
  TRY_DONE(copy("MANIFEST"));
  for (uint32_t p = 0; p < directory_->partitions(); ++p) TRY_DONE(copy_partition(p));
  return disk_.sync_directory(into_);
}

Result<> BackupWriter::copy_partition(uint32_t partition) {
  const PartitionPlace place = directory_->place(partition);
  const std::string folder = place.path.substr(from_.size() + 1);
  TRY_DONE(disk_.create_directory(into_ + "/" + folder));
  auto bases = list_bases(disk_, place);
  if (!bases) return bases.problem();
  for (Lsn lsn : *bases) TRY_DONE(copy_folder(place.base(lsn).substr(from_.size() + 1), {"data.mdb", "BASE"}));
  auto segments = list_segments(disk_, place);
  if (!segments) return segments.problem();
  TRY_DONE(disk_.create_directory(into_ + "/" + folder + "/log"));
  for (uint32_t segment : *segments) {
    auto bytes = segment == segments->back() ? valid_bytes(disk_, place, segment) : Result<uint64_t>(whole);
    if (!bytes) return bytes.problem();
    TRY_DONE(copy(folder + "/log/" + segment_name(segment), *bytes));
  }
  TRY_DONE(disk_.sync_directory(into_ + "/" + folder + "/log"));
  // Behind the log: retention may go on meanwhile.
  auto begins = disk_.exists(place.begin());
  if (!begins) return begins.problem();
  if (*begins) TRY_DONE(copy(place.begin().substr(from_.size() + 1)));
  return disk_.sync_directory(into_ + "/" + folder);
}

Result<> BackupWriter::copy_folder(const std::string& folder, const std::vector<std::string>& names) {
  TRY_DONE(disk_.create_directory(into_ + "/" + folder));
  for (const std::string& name : names) TRY_DONE(copy(folder + "/" + name));
  return disk_.sync_directory(into_ + "/" + folder);
}

Result<> BackupWriter::copy(const std::string& path, uint64_t bytes_max) {
  const std::string source = from_ + "/" + path, target = into_ + "/" + path, unnamed = target + ".tmp";
  auto known = there_.find(path);
  if (known != there_.end()) {
    auto seal = seal_file(disk_, source, bytes_max);
    if (!seal) return seal.problem();
    auto exists = disk_.exists(target);
    if (!exists) return exists.problem();
    if (*exists && *seal == known->second) return manifest_.files.push_back({path, *seal}), Done{};
  }
  auto seal = copy_file(disk_, source, unnamed, bytes_max);
  if (!seal) return seal.problem();
  TRY_DONE(disk_.rename(unnamed, target));
  there_[path] = *seal;
  manifest_.files.push_back({path, *seal});
  ++report_.files_copied;
  report_.bytes_copied += seal->bytes;
  return Done{};
}

bool BackupWriter::listed(const std::string& path) const {
  return std::ranges::any_of(manifest_.files, [&](const BackupFile& file) { return file.path == path; });
}

Result<> BackupWriter::remove_others(const std::string& folder) {
  auto names = disk_.list(into_ + "/" + folder);
  if (!names) return names.problem();
  for (const std::string& name : *names) {
    if (listed(folder + "/" + name)) continue;
    TRY_DONE(disk_.remove(into_ + "/" + folder + "/" + name));
    ++report_.files_removed;
  }
  return Done{};
}

// Segments and bases that the directory itself has no more.
Result<> BackupWriter::remove_strays() {
  for (uint32_t p = 0; p < directory_->partitions(); ++p) {
    const std::string folder = directory_->place(p).path.substr(from_.size() + 1);
    TRY_DONE(remove_others(folder + "/log"));
    auto names = disk_.list(into_ + "/" + folder);
    if (!names) return names.problem();
    for (const std::string& name : *names) {
      const std::string base = folder + "/" + name;
      if (!name.starts_with("base-") || listed(base + "/BASE")) continue;
      TRY_DONE(remove_others(base));
      TRY_DONE(disk_.remove(into_ + "/" + base));
    }
  }
  return Done{};
}

class BackupVerifier {
 public:
  BackupVerifier(Disk& disk, const std::string& path) : disk_(disk), path_(path) {}

  Result<BackupCheck> run();

 private:
  void check_files(const BackupManifest& manifest);
  void check_partition(const PartitionPlace& place);
  void check_log(const PartitionPlace& place, BackedUpPartition& out);
  void check_bases(const PartitionPlace& place, BackedUpPartition& out);
  void wrong(const Problem& problem) { check_.wrong.push_back(problem.text()); }

  Disk& disk_;
  const std::string& path_;
  BackupCheck check_;
};

Result<BackupCheck> BackupVerifier::run() {
  auto manifest = read_backup(disk_, path_);
  if (!manifest) return manifest.problem();
  check_files(*manifest);
  DirectoryOptions options;
  options.access = Access::read_only;
  options.disk = &disk_;
  auto directory = DataDirectory::open(path_, options);
  if (!directory) return directory.problem();
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) check_partition((*directory)->place(p));
  return std::move(check_);
}

void BackupVerifier::check_files(const BackupManifest& manifest) {
  for (const BackupFile& file : manifest.files) {
    auto seal = seal_file(disk_, path_ + "/" + file.path);
    if (!seal) wrong(seal.problem());
    if (seal && *seal != file.seal)
      check_.wrong.push_back(file.path + ": The file is not what the backup's manifest says");
  }
}

void BackupVerifier::check_partition(const PartitionPlace& place) {
  BackedUpPartition out{.partition = place.partition, .bases = {}};
  check_log(place, out);
  check_bases(place, out);
  bool reached = out.first_lsn == 1;
  for (Lsn lsn : out.bases) {
    auto base = read_base(disk_, place, lsn);
    reached = reached || (base && base->replay_from >= out.first_lsn && lsn <= out.last_lsn);
  }
  if (!reached)
    check_.wrong.push_back(fmt::format("partition {}: the log begins at LSN {} and no base leads there",
                                       place.partition, out.first_lsn));
  check_.partitions.push_back(std::move(out));
}

void BackupVerifier::check_log(const PartitionPlace& place, BackedUpPartition& out) {
  auto log = inspect_log(place, Depth::records, disk_);
  if (!log) return wrong(log.problem());
  if (log->damage) wrong(*log->damage);
  if (log->segments.empty()) return;
  out.first_lsn = log->segments.front().first_lsn;
  out.last_lsn = log->segments.back().last_lsn;
}

void BackupVerifier::check_bases(const PartitionPlace& place, BackedUpPartition& out) {
  auto bases = list_bases(disk_, place);
  if (!bases) return wrong(bases.problem());
  for (Lsn lsn : *bases) {
    auto base = verify_base(disk_, place, lsn);
    base ? out.bases.push_back(lsn) : wrong(base.problem());
  }
}

}  // namespace

Result<BackupReport> make_backup(Disk& disk, Clock& clock, const std::string& data, const std::string& into) {
  return BackupWriter(disk, clock, data, into).run();
}

Result<BackupManifest> read_backup(Disk& disk, const std::string& path) {
  auto text = read_file(disk, path + "/BACKUP", backup_manifest_bytes_max);
  if (!text) return text.problem();
  BackupManifest manifest;
  Lines lines = parse_checked_lines(*text);
  bool fine = lines[std::string(format_name)] == backup_format &&
              parse_number(lines[std::string(created_name)], manifest.created);
  for (std::string_view head : {format_name, created_name}) lines.erase(std::string(head));
  for (const auto& [name, seal] : lines) {
    manifest.files.push_back({name, {}});
    fine = fine && is_within(name) && parse_seal(seal, manifest.files.back().seal);
  }
  if (fine) return manifest;
  return Problem(Error::storage_damaged, path + "/BACKUP", "The backup's manifest is damaged");
}

Result<BackupCheck> verify_backup(Disk& disk, const std::string& path) { return BackupVerifier(disk, path).run(); }

}  // namespace headrace
