// Copying what stays, and ending each log where it was cut.
#include "storage/restore.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/base.h"
#include "storage/hole.h"
#include "storage/log_walker.h"
#include "storage/log_writer.h"
#include "storage/segment_rewriter.h"

namespace headrace {
namespace {

// The next batch's records that are not above `last`; false where there are none.
Result<bool> next_to_stay(LogWalker& walker, Lsn last, RecordCursor& records) {
  if (walker.end().lsn > last) return false;
  auto found = walker.next();
  if (!found || !*found) return found;
  auto cursor = walker.records();
  if (!cursor) return cursor.problem();
  RecordCursor end = *cursor;
  for (RecordCursor ahead = end; !end.at_end(); end = ahead) {
    RecordView record;
    TRY_DONE(ahead.next(record));
    if (record.lsn > last) break;
  }
  records = cursor->up_to(end);
  return true;
}

// Any value will do that no other log goes on from.
uint64_t end_chain(const PartitionPlace& place, Lsn last) { return hash64(std::to_string(last), salt_of(place)); }

class Restoring {
 public:
  explicit Restoring(const RestoreOptions& options) : options_(options), disk_(*options.disk) {}

  Result<RestoreReport> run();

 private:
  Result<> open();
  Result<> restore_partition(const PartitionPlace& from, Lsn last);
  Result<> copy_bases(const PartitionPlace& from, Lsn last, Lsn log_first);
  Result<> copy_segments(const PartitionPlace& from, Lsn last, const std::vector<uint32_t>& segments);
  Result<> end_log(const PartitionPlace& from, uint32_t segment, Lsn last);
  Result<> cut(const PartitionPlace& into, uint32_t segment, Lsn last);
  Result<> begin_segment(const PartitionPlace& into, const LogPosition& position);
  Result<> copy(const std::string& path);
  Result<> check(const std::string& path) const;
  Result<> hold_against_manifest(const std::string& path, const Result<FileSeal>& seal) const;
  bool is_listed(const std::string& path) const {
    return std::ranges::find(manifest_.files, path, &BackupFile::path) != manifest_.files.end();
  }
  PartitionPlace into(const PartitionPlace& from) const {
    PartitionPlace to = from;
    to.path = options_.into + from.path.substr(options_.from.size());
    return to;
  }
  std::string within(const std::string& path) const { return path.substr(options_.from.size() + 1); }

  const RestoreOptions& options_;
  Disk& disk_;
  std::unique_ptr<DataDirectory> backup_;
  BackupManifest manifest_;
  RestoreReport report_;
};

Result<RestoreReport> Restoring::run() {
  TRY_DONE(open());
  for (uint32_t p = 0; p < backup_->partitions(); ++p)
    TRY_DONE(restore_partition(backup_->place(p), options_.last[p]));
  TRY_DONE(backup_->begin_another(options_.into, *options_.clock, disk_));  // last: only now it is a data directory
  return report_;
}

Result<> Restoring::open() {
  auto manifest = read_backup(disk_, options_.from);
  if (!manifest) return manifest.problem();
  manifest_ = std::move(*manifest);
  DirectoryOptions reading;
  reading.access = Access::read_only;
  reading.disk = &disk_;
  auto backup = DataDirectory::open(options_.from, reading);
  if (!backup) return backup.problem();
  backup_ = std::move(*backup);
  CHECK(options_.last.size() == backup_->partitions());
  TRY_DONE(disk_.create_directory(options_.into));
  auto names = disk_.list(options_.into);
  if (!names) return names.problem();
  if (names->empty()) return Done{};
  return Problem(Error::bad_configuration, options_.into, "The directory to restore into is not empty");
}

Result<> Restoring::restore_partition(const PartitionPlace& from, Lsn last) {
  const PartitionPlace to = into(from);
  for (const std::string& path : {to.path, to.log()}) TRY_DONE(disk_.create_directory(path));
  auto segments = list_segments(disk_, from);
  if (!segments) return segments.problem();
  if (segments->empty()) return Problem(Error::storage_damaged, from.log(), "The log has no segment");
  auto first = SegmentReader::open(disk_, from, segments->front());
  if (!first) return first.problem();
  TRY_DONE(copy_bases(from, last, first->header().first_lsn));
  TRY_DONE(copy_segments(from, last, *segments));
  if (is_listed(within(from.begin()))) TRY_DONE(copy(within(from.begin())));
  TRY_DONE(disk_.sync_directory(to.log()));
  return disk_.sync_directory(to.path);
}

// Those that hold nothing of what was cut off. One must lead to the log, unless that begins at LSN 1.
Result<> Restoring::copy_bases(const PartitionPlace& from, Lsn last, Lsn log_first) {
  auto bases = list_bases(disk_, from);
  if (!bases) return bases.problem();
  bool reached = log_first == 1;
  for (Lsn lsn : *bases) {
    auto base = read_base(disk_, from, lsn);
    if (!base) return base.problem();
    if (lsn > last || base->created > options_.bases_until || base->replay_from < log_first) continue;
    TRY_DONE(disk_.create_directory(into(from).base(lsn)));
    for (const char* name : {"/data.mdb", "/BASE"}) TRY_DONE(copy(within(from.base(lsn)) + name));
    TRY_DONE(disk_.sync_directory(into(from).base(lsn)));
    ++report_.bases;
    reached = true;
  }
  if (reached) return Done{};
  return Problem(Error::invalid_input, "lsn",
                 "Partition " + std::to_string(from.partition) + " cannot go back to LSN " + std::to_string(last) +
                     ": the log begins at LSN " + std::to_string(log_first) + " and no base before that is there");
}

// Those behind the cut are looked at, too: a damaged last batch reads like a log that ends before it, and the cut would be there.
Result<> Restoring::copy_segments(const PartitionPlace& from, Lsn last, const std::vector<uint32_t>& segments) {
  uint32_t copied = 0;
  for (uint32_t segment : segments) {
    auto reader = SegmentReader::open(disk_, from, segment);
    if (!reader) return reader.problem();
    if (reader->header().first_lsn > last) TRY_DONE(check(within(from.log()) + "/" + segment_name(segment)));
    if (reader->header().first_lsn > last && copied != 0) continue;
    if (reader->header().first_lsn > last) return begin_segment(into(from), {segment, segment_header_bytes,
                                                                            reader->header().first_lsn,
                                                                            reader->header().chain});
    TRY_DONE(copy(within(from.log()) + "/" + segment_name(segment)));
    copied = segment;
  }
  return end_log(from, copied, last);
}

// The last segment copied may hold more than is to stay; and a rewritten one always has a next.
Result<> Restoring::end_log(const PartitionPlace& from, uint32_t segment, Lsn last) {
  const PartitionPlace to = into(from);
  auto reader = SegmentReader::open(disk_, to, segment);
  if (!reader) return reader.problem();
  if (reader->header().rewritten && reader->header().rewritten->end_lsn == last + 1)
    return begin_segment(to, {segment + 1, segment_header_bytes, last + 1, reader->header().rewritten->end_chain});
  auto walker = LogWalker::at_segment_of(disk_, to, last);
  if (!walker) return walker.problem();
  while (walker->end().lsn <= last) {
    auto found = walker->next(false);
    if (!found) return found.problem();
    if (!*found)
      return Problem(Error::invalid_input, "lsn", "Partition " + std::to_string(from.partition) +
                                                      " ends at LSN " + std::to_string(walker->end().lsn - 1));
  }
  auto more = walker->next(false);
  if (!more) return more.problem();
  return *more || walker->end().lsn > last + 1 ? cut(to, segment, last) : Done{};
}

// The records that stay are written as a rewritten segment; the log goes on in an empty one behind it.
Result<> Restoring::cut(const PartitionPlace& to, uint32_t segment, Lsn last) {
  auto walker = LogWalker::at_segment_of(disk_, to, last);
  if (!walker) return walker.problem();
  SegmentRemains remains{.header = walker->reader().header(), .end_lsn = last + 1, .end_chain = end_chain(to, last)};
  if (const auto& rewritten = remains.header.rewritten) remains.holes = rewritten->holes;
  auto holes = holes_text(walker->reader());
  if (!holes) return holes.problem();
  remains.holes_text = std::move(*holes);
  remains.next = [&](RecordCursor& records) { return next_to_stay(*walker, last, records); };
  auto report = rewrite_remains({.place = to,
                                 .clock = options_.clock,
                                 .disk = &disk_,
                                 .frame_bytes = limits::frame_bytes},
                                remains);
  if (!report) return report.problem();
  return begin_segment(to, {segment + 1, segment_header_bytes, last + 1, remains.end_chain});
}

Result<> Restoring::begin_segment(const PartitionPlace& to, const LogPosition& position) {
  return create_segment({.place = to, .clock = options_.clock, .disk = &disk_}, position, {}, 0);
}

Result<> Restoring::copy(const std::string& path) {
  auto seal = copy_file(disk_, options_.from + "/" + path, options_.into + "/" + path);
  TRY_DONE(hold_against_manifest(path, seal));
  ++report_.files;
  report_.bytes += seal->bytes;
  return Done{};
}

Result<> Restoring::check(const std::string& path) const {
  return hold_against_manifest(path, seal_file(disk_, options_.from + "/" + path));
}

Result<> Restoring::hold_against_manifest(const std::string& path, const Result<FileSeal>& seal) const {
  if (!seal) return seal.problem();
  auto file = std::ranges::find(manifest_.files, path, &BackupFile::path);
  if (file == manifest_.files.end())
    return Problem(Error::storage_damaged, options_.from + "/" + path, "The backup's manifest does not list it");
  if (*seal != file->seal)
    return Problem(Error::storage_damaged, options_.from + "/" + path,
                   "The file is not what the backup's manifest says");
  return Done{};
}

}  // namespace

Result<RestoreReport> restore_backup(const RestoreOptions& options) { return Restoring(options).run(); }

}  // namespace headrace
