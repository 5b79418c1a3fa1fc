// Reading a segment through a window, and looking for life behind a break.
#include "storage/segment_reader.h"

#include <algorithm>
#include <cstring>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr size_t window_bytes = 1024 * 1024;
constexpr size_t zero_probe_bytes = 4096;

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
  auto bytes = reader.view(0, segment_header_bytes);
  if (!bytes) return bytes.problem();
  auto header = decode_segment_header(*bytes, place);
  if (!header || header->segment != segment) {
    return Problem(Error::storage_damaged, path, "The segment header at byte 0 is not valid");
  }
  reader.header_ = *header;
  return reader;
}

Result<std::string_view> SegmentReader::view(uint64_t offset, size_t size) {
  bool inside = offset >= window_offset_ && offset + size <= window_offset_ + window_size_;
  if (!inside) {
    size_t want = std::max(size, window_bytes);
    if (window_.size() < want) window_.resize(want);
    window_offset_ = offset;
    window_size_ = 0;
    auto got = file_->read_at(window_.data(), want, offset);
    if (!got) return got.problem();
    window_size_ = *got;
    window_fresh_ = true;
  }
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
  auto bytes = view(at.offset, batch_header_bytes);
  if (!bytes) return bytes.problem();
  auto header = decode_batch_header(*bytes, salt_);
  if (!header) return no("its header is not valid");
  if (header->segment != header_.segment) return no("it belongs to another segment");
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
  return true;
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

Result<std::vector<uint32_t>> list_segments(Disk& disk, const PartitionPlace& place) {
  auto names = disk.list(place.log());
  if (!names) return names.problem();
  std::vector<uint32_t> segments;
  for (const std::string& name : *names) {
    if (auto segment = segment_of_name(name)) segments.push_back(*segment);
  }
  std::ranges::sort(segments);
  for (size_t i = 1; i < segments.size(); ++i) {
    if (segments[i] != segments[i - 1] + 1) {
      return Problem(Error::storage_damaged, place.log() + "/" + segment_name(segments[i - 1] + 1),
                     "This segment is missing");
    }
  }
  return segments;
}

}  // namespace headrace
