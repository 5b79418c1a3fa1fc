// Each segment as it is, where that is whole; else what a scan of its bytes finds.
#include "storage/salvage.h"

#include <algorithm>
#include <map>
#include <memory>

#include "storage/base.h"
#include "storage/hole.h"
#include "storage/verify.h"

namespace headrace {
namespace {

// Empty where there is none.
Result<std::string> bytes_of(Disk& disk, const PartitionPlace& place, uint32_t segment, size_t size_max) {
  std::string path = place.log() + "/" + segment_name(segment);
  auto exists = disk.exists(path);
  if (!exists) return exists.problem();
  if (!*exists) return std::string();
  auto file = disk.open(path, OpenMode::read);
  if (!file) return file.problem();
  auto size = (*file)->size();
  if (!size) return size.problem();
  std::string bytes(std::min<uint64_t>(*size, size_max), '\0');
  auto got = (*file)->read_at(bytes.data(), bytes.size(), 0);
  if (!got) return got.problem();
  bytes.resize(*got);
  return bytes;
}

LogPosition begin_of(const SegmentHeader& header) {
  return {header.segment, segment_header_bytes, header.first_lsn, header.chain};
}

class Salvaging {
 public:
  Salvaging(Disk& disk, const PartitionPlace& place) : disk_(disk), place_(place) {}

  Result<Salvage> run() {
    TRY_DONE(read_slots());
    TRY_DONE(read_headers());
    TRY_DONE(find_begin());
    for (uint32_t segment = first_; segment <= last_; ++segment) TRY_DONE(salvage(segment));
    return finish();
  }

 private:
  Result<> read_slots();
  Result<> read_headers();
  Result<> find_begin();
  Result<> salvage(uint32_t segment);
  Result<> note_whole(uint32_t segment, const LogPosition& end);
  Result<> scan(uint32_t segment, const std::string& damage);
  Result<Salvage> finish();
  std::optional<LogPosition> next_of(uint32_t segment) const;

  Disk& disk_;
  const PartitionPlace& place_;
  std::map<uint32_t, SegmentHeader> headers_;  // valid ones
  uint32_t first_ = 1, last_ = 1;
  Lsn durable_bound_ = 0;
  LogPosition at_;  // where the log goes on
  Salvage out_;
};

Result<> Salvaging::read_slots() {
  auto slots = CheckpointStore::peek(disk_, place_);
  if (!slots) return slots.problem();
  out_.slots = std::move(*slots);
  out_.slots_stand.assign(out_.slots.size(), false);
  auto bases = list_bases(disk_, place_);
  if (!bases) return bases.problem();
  if (!bases->empty()) durable_bound_ = bases->front();
  for (const Checkpoint& slot : out_.slots) durable_bound_ = std::max(durable_bound_, slot.applied_lsn);
  return Done{};
}

Result<> Salvaging::read_headers() {
  auto names = disk_.list(place_.log());
  if (!names) return names.problem();
  std::map<uint32_t, uint32_t> strangers;  // by name, which segment a file really is
  std::vector<uint32_t> segments;
  for (const std::string& name : *names) {
    auto segment = segment_of_name(name);
    if (!segment) continue;
    segments.push_back(*segment);
    auto bytes = bytes_of(disk_, place_, *segment, segment_header_bytes);
    if (!bytes) return bytes.problem();
    auto header = decode_segment_header(*bytes, place_);
    if (!header) continue;
    if (header->segment == *segment)
      headers_[*segment] = *header;
    else
      strangers[*segment] = header->segment;
  }
  if (!segments.empty()) first_ = segments.front(), last_ = segments.back();
  for (auto [segment, really] : strangers)
    if (!headers_.contains(really))
      return Problem(Error::storage_damaged, place_.log() + "/" + segment_name(segment),
                     "This file is segment " + std::to_string(really) + ": give it its name back");
  return Done{};
}

Result<> Salvaging::find_begin() {
  at_ = {1, segment_header_bytes, 1, salt_of(place_)};
  if (headers_.contains(first_)) at_ = begin_of(headers_[first_]);
  if (headers_.contains(first_) || first_ == 1) return Done{};
  return Problem(
      Error::storage_damaged, place_.log() + "/" + segment_name(first_),
      "The header of the first segment there is is damaged, and nothing says where the log begins");
}

std::optional<LogPosition> Salvaging::next_of(uint32_t segment) const {
  auto ahead = headers_.find(segment + 1), own = headers_.find(segment);
  if (ahead != headers_.end()) return begin_of(ahead->second);
  if (own == headers_.end() || !own->second.rewritten) return std::nullopt;
  const Rewritten& its = *own->second.rewritten;
  return LogPosition{segment + 1, segment_header_bytes, its.end_lsn, its.end_chain};
}

Result<> Salvaging::salvage(uint32_t segment) {
  if (!headers_.contains(segment)) return scan(segment, "its header is not valid, or it is missing");
  at_ = begin_of(headers_[segment]);
  auto report = inspect_segment(
      place_,
      {.segment = segment,
       .alone = !headers_.contains(segment + 1),
       .durable_bound = segment == last_ && !headers_[segment].rewritten ? durable_bound_ : 0},
      disk_);
  if (!report) return report.problem();
  bool whole = !report->damage || report->next_missing;
  return whole ? note_whole(segment, report->end) : scan(segment, report->damage->text());
}

Result<> Salvaging::note_whole(uint32_t segment, const LogPosition& end) {
  out_.segments.push_back({.segment = segment, .begin = at_, .end_lsn = end.lsn, .end_chain = end.chain});
  auto reader = SegmentReader::open(disk_, place_, segment);
  if (!reader) return reader.problem();
  for (size_t i = 0; i < out_.slots.size(); ++i) {
    const LogPosition& position = out_.slots[i].position;
    if (position.segment != segment) continue;
    auto there = reader->read(position, false);
    if (!there) return there.problem();
    out_.slots_stand[i] = *there || (position.offset == end.offset && position.lsn == end.lsn);
  }
  at_ = {segment + 1, segment_header_bytes, end.lsn, end.chain};
  return Done{};
}

Result<> Salvaging::scan(uint32_t segment, const std::string& damage) {
  auto bytes = bytes_of(disk_, place_, segment, SIZE_MAX);
  if (!bytes) return bytes.problem();
  at_.segment = segment, at_.offset = segment_header_bytes;
  SegmentScan scan(place_, *bytes, at_, next_of(segment));
  scan.run(segment >= last_ ? durable_bound_ : 0);
  const LogPosition end = scan.end();
  HolesFound earlier =
      find_holes(std::string_view(*bytes).substr(std::min<size_t>(end.offset, bytes->size())), place_);
  out_.segments.push_back({.segment = segment,
                           .begin = at_,
                           .end_lsn = end.lsn,
                           .end_chain = end.chain,
                           .damage = damage,
                           .batches = scan.batches(),
                           .losses = scan.losses(),
                           .holes = static_cast<uint32_t>(earlier.holes.size()),
                           .holes_text = std::move(earlier.text)});
  at_ = {segment + 1, segment_header_bytes, end.lsn, end.chain};
  return Done{};
}

// Behind the last segment: what CKPT knows to have been durable and a lost segment held.
Result<Salvage> Salvaging::finish() {
  if (at_.lsn <= durable_bound_) TRY_DONE(scan(last_ + 1, "it is missing"));
  const SalvagedSegment& last = out_.segments.back();
  bool empty = last.begin.lsn == last.end_lsn;
  auto header = headers_.find(last.segment);
  bool frames = header != headers_.end() && header->second.rewritten;
  out_.next_missing = frames || (!last.damage.empty() && !empty);
  return std::move(out_);
}

}  // namespace

Result<Salvage> salvage_log(Disk& disk, const PartitionPlace& place) { return Salvaging(disk, place).run(); }

Result<SegmentRemains> remains_of(Disk& disk, const PartitionPlace& place, const SalvagedSegment& segment) {
  auto bytes = bytes_of(disk, place, segment.segment, SIZE_MAX);
  if (!bytes) return bytes.problem();
  struct Source {
    std::string bytes;
    std::vector<LogPosition> batches;
    size_t next = 0;
    BatchOpener opener;
  };
  auto source = std::make_shared<Source>();
  source->bytes = std::move(*bytes), source->batches = segment.batches;
  auto next = [source, salt = salt_of(place)](RecordCursor& records) -> Result<bool> {
    if (source->next == source->batches.size()) return false;
    std::string_view at = std::string_view(source->bytes).substr(source->batches[source->next++].offset);
    auto header = decode_batch_header(at, salt);
    if (!header) return Error::storage_damaged;  // it was valid when it was looked for
    auto opened = source->opener.open(*header, at.substr(batch_header_bytes, header->body_bytes()));
    if (!opened) return Error::storage_damaged;
    records = *opened;
    return true;
  };
  return SegmentRemains{
      .header = {.segment = segment.segment, .first_lsn = segment.begin.lsn, .chain = segment.begin.chain},
      .end_lsn = segment.end_lsn,
      .end_chain = segment.end_chain,
      .holes = segment.holes,
      .holes_text = segment.holes_text,
      .next = std::move(next)};
}

}  // namespace headrace
