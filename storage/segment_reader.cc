// Reading a segment through a window, and looking for life behind a break.
#include "storage/segment_reader.h"

#include <algorithm>
#include <cstring>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr size_t window_bytes = 1024 * 1024;
constexpr size_t zero_probe_bytes = 4096;
constexpr int list_attempts = 3;

bool all_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

SegmentReader::SegmentReader(std::unique_ptr<File> file, std::string path, uint64_t salt)
    : file_(std::move(file)), path_(std::move(path)), salt_(salt) {}

Result<SegmentReader> SegmentReader::open(Disk& disk, const PartitionPlace& place, uint32_t segment) {
  std::string path = place.log() + "/" + segment_name(segment);
  auto file = disk.open(path, OpenMode::read);
  if (!file) return file.problem();
  SegmentReader reader(std::move(*file), path, salt_of(place));
  auto size = reader.file_->size();
  if (!size) return size.problem();
  reader.file_bytes_ = *size;
  TRY_DONE(reader.load(0, segment_header_bytes));
  auto bytes = reader.view(0, segment_header_bytes);
  if (!bytes) return bytes.problem();
  auto header = decode_segment_header(*bytes, place);
  if (!header || header->segment != segment) {
    return Problem(Error::storage_damaged, path,
                   header ? "This file is segment " + std::to_string(header->segment)
                          : "The segment header at byte 0 is not valid");
  }
  reader.header_ = *header;
  return reader;
}

Result<> SegmentReader::load(uint64_t offset, size_t size) {
  if (window_.size() < size) window_.resize(size);
  window_offset_ = offset;
  window_size_ = 0;
  auto got = file_->read_at(window_.data(), size, offset);
  if (!got) return got.problem();
  window_size_ = *got;
  window_fresh_ = true;
  return Done{};
}

Result<std::string_view> SegmentReader::view(uint64_t offset, size_t size) {
  bool inside = offset >= window_offset_ && offset + size <= window_offset_ + window_size_;
  if (!inside) TRY_DONE(load(offset, std::max(size, window_bytes)));
  std::string_view window(window_.data(), window_size_);
  return window.substr(offset - window_offset_, size);
}

Result<bool> SegmentReader::read(const LogPosition& at, bool body) {
  window_fresh_ = false;
  auto found = read_window(at, body);
  if (!found || *found || window_fresh_) return found;
  window_size_ = 0;  // the window may be older than the batch: look again
  return read_window(at, body);
}

Result<bool> SegmentReader::read_window(const LogPosition& at, bool body) {
  if (header_.rewritten && at.offset >= header_.rewritten->index_offset) return no("the segment ends here");
  auto bytes = view(at.offset, batch_header_bytes);
  if (!bytes) return bytes.problem();
  auto header = decode_batch_header(*bytes, salt_);
  if (!header) return no("its header is not valid");
  if (header->segment != header_.segment) return no("it belongs to another segment");
  if (header->frame != header_.rewritten.has_value()) return no("it belongs to another form of the segment");
  if (header->first_lsn != at.lsn) return no("its LSN does not continue the log");
  if (header->chain != at.chain) return no("its chain hash does not continue the log");
  uint64_t chain = chain_after(*bytes, at.chain);
  body_ = {};
  if (body) {
    auto stored = view(at.offset + batch_header_bytes, header->body_bytes());
    if (!stored) return stored.problem();
    if (stored->size() != header->body_bytes()) return no("its body ends early");
    if (hash64(*stored, salt_) != header->body_hash) return no("its body does not match its hash");
    body_ = *stored;
  }
  batch_ = *header;
  after_ = {at.segment, at.offset + header->padded_length(), header->last_lsn() + 1, chain};
  return !batch_.frame || finish_frames();
}

// Behind its last frame the chain of a rewritten segment must be the one promised; the log goes on with its
// original's.
bool SegmentReader::finish_frames() {
  const Rewritten& promised = *header_.rewritten;
  if (after_.offset < promised.index_offset && after_.lsn < promised.end_lsn) return true;
  if (after_.offset != promised.index_offset || after_.lsn != promised.end_lsn)
    return no("the frames do not end where the segment says");
  if (after_.chain != promised.frames_chain) return no("its chain hash is not the one the segment ends with");
  after_.chain = promised.end_chain;
  return true;
}

Result<std::optional<LogPosition>> SegmentReader::position_of_frame(uint64_t offset, size_t length) {
  TRY_DONE(load(offset, length));
  auto bytes = view(offset, batch_header_bytes);
  if (!bytes) return bytes.problem();
  auto header = decode_batch_header(*bytes, salt_);
  if (!header || !header->frame) return std::optional<LogPosition>();
  return std::optional<LogPosition>({header_.segment, offset, header->first_lsn, header->chain});
}

Result<std::string> SegmentReader::bytes_at(uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  auto got = file_->read_at(bytes.data(), size, offset);
  if (!got) return got.problem();
  bytes.resize(*got);
  return bytes;
}

Result<bool> SegmentReader::find_behind(uint64_t offset, Lsn lsn) {
  offset = (offset + batch_alignment - 1) / batch_alignment * batch_alignment;
  while (true) {
    auto page = view(offset, zero_probe_bytes);
    if (!page) return page.problem();
    if (page->size() < batch_header_bytes) return false;
    if (all_zero(*page)) {
      offset += page->size() / batch_alignment * batch_alignment;
      continue;
    }
    uint64_t page_end = offset + page->size() / batch_alignment * batch_alignment;
    for (; offset < page_end; offset += batch_alignment) {
      auto bytes = view(offset, batch_header_bytes);
      if (!bytes) return bytes.problem();
      auto header = decode_batch_header(*bytes, salt_);
      if (!header || header->last_lsn() < lsn) continue;
      auto valid = read({header->segment, offset, header->first_lsn, header->chain});
      if (!valid || *valid) return valid;
    }
  }
}

Result<uint64_t> SegmentReader::used_end(uint64_t offset) {
  uint64_t end = offset;
  while (true) {
    auto page = view(offset, zero_probe_bytes);
    if (!page) return page.problem();
    if (page->empty()) return end;
    if (!all_zero(*page)) end = offset + page->find_last_not_of('\0') + 1;
    offset += page->size();
  }
}

namespace {

Result<std::vector<uint32_t>> segments_in(Disk& disk, const PartitionPlace& place) {
  auto names = disk.list(place.log());
  if (!names) return names.problem();
  std::vector<uint32_t> segments;
  for (const std::string& name : *names) {
    if (auto segment = segment_of_name(name)) segments.push_back(*segment);
  }
  std::ranges::sort(segments);
  return segments;
}

}  // namespace

// While the first ones are dropped a listing may show one of them and not the next: then it is made again.
Result<std::vector<uint32_t>> list_segments(Disk& disk, const PartitionPlace& place) {
  uint32_t missing = 0;
  for (int attempt = 0; attempt < list_attempts; ++attempt) {
    auto segments = segments_in(disk, place);
    if (!segments) return segments;
    auto gap = std::ranges::adjacent_find(*segments, [](uint32_t a, uint32_t b) { return b != a + 1; });
    if (gap == segments->end()) return segments;
    missing = *gap + 1;
  }
  return Problem(Error::storage_damaged, place.log() + "/" + segment_name(missing), "This segment is missing");
}

Result<bool> was_dropped(Disk& disk, const PartitionPlace& place, uint32_t segment) {
  auto segments = list_segments(disk, place);
  if (!segments) return segments.problem();
  return !segments->empty() && segments->front() > segment;
}

}  // namespace headrace
