// The bytes of an index: head and blocks, written and checked.
#include <algorithm>
#include <cstring>

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/check.h"
#include "storage/segment_index.h"

namespace headrace {
namespace {

constexpr size_t block_head_bytes = 12;

// The frames lie behind each other, from the segment's header to the index, without a hole in bytes or LSNs.
bool continuous(const std::vector<FrameEntry>& frames, const SegmentHeader& header) {
  uint64_t offset = segment_header_bytes;
  Lsn lsn = header.first_lsn;
  for (const FrameEntry& frame : frames) {
    if (frame.offset != offset || frame.first_lsn != lsn || frame.length < batch_header_bytes) return false;
    if (frame.span == 0 || frame.count > frame.span ||
        (frame.types == 0) != (frame.event_first > frame.event_last))
      return false;
    offset += (uint64_t{frame.length} + batch_alignment - 1) / batch_alignment * batch_alignment;
    lsn += frame.span;
  }
  return offset == header.rewritten->index_offset && lsn == header.rewritten->end_lsn;
}

bool ascending(const IndexHead& head) {
  auto fence = head.fences.begin();
  for (const SectionHead& section : head.sections) {
    if (!std::is_sorted(fence, fence + section.blocks)) return false;
    if ((section.blocks == 0) != (section.entries == 0)) return false;
    fence += section.blocks;
  }
  return true;
}

}  // namespace

std::string encode(const IndexHead& head) {
  std::string out;
  put_fixed(static_cast<uint32_t>(head.frames.size()), out);
  put_fixed(static_cast<uint32_t>(head.types.size()), out);
  for (const SectionHead& section : head.sections) put_fixed(section, out);
  for (const FrameEntry& frame : head.frames) put_fixed(frame, out);
  for (const std::string& type : head.types) put_text(type, out);
  for (uint32_t fence : head.fences) put_fixed(fence, out);
  return out;
}

std::optional<IndexHead> decode_index_head(std::string_view bytes, const SegmentHeader& header) {
  IndexHead head;
  Taker take(bytes);
  auto frames = take.fixed<uint32_t>(), types = take.fixed<uint32_t>();
  uint64_t blocks = 0;
  for (SectionHead& section : head.sections) {
    section = take.fixed<SectionHead>();
    blocks += section.blocks;
  }
  // What is announced must be there before memory is taken for it.
  if (take.failed() || types > index_types_max || uint64_t{frames} * sizeof(FrameEntry) > take.rest().size())
    return std::nullopt;
  head.frames.resize(frames);
  for (FrameEntry& frame : head.frames) frame = take.fixed<FrameEntry>();
  for (uint32_t i = 0; i < types; ++i) head.types.emplace_back(take.text());
  if (take.failed() || take.rest().size() != blocks * sizeof(uint32_t)) return std::nullopt;
  head.fences.resize(blocks);
  for (uint32_t& fence : head.fences) fence = take.fixed<uint32_t>();
  bool whole = header.rewritten->index_bytes == bytes.size() + blocks * index_block_bytes;
  if (!whole || !continuous(head.frames, header) || !ascending(head)) return std::nullopt;
  return head;
}

size_t append_index_block(const std::vector<IndexEntry>& entries, size_t first, uint64_t hash_seed,
                          std::string& out) {
  std::string block(block_head_bytes, '\0');
  size_t at = first;
  for (uint32_t before = 0; at < entries.size(); before = entries[at++].key) {
    size_t whole = block.size();
    put_varint(entries[at].key - before, block);
    put_varint(entries[at].frame, block);
    if (block.size() <= index_block_bytes) continue;
    block.resize(whole);
    break;
  }
  block.resize(index_block_bytes);
  auto count = static_cast<uint32_t>(at - first);
  std::memcpy(block.data() + 8, &count, sizeof count);
  uint64_t hash = hash64(std::string_view(block).substr(8), hash_seed);
  std::memcpy(block.data(), &hash, sizeof hash);
  out += block;
  return count;
}

std::optional<std::vector<IndexEntry>> decode_index_block(std::string_view bytes, uint64_t hash_seed) {
  if (bytes.size() != index_block_bytes) return std::nullopt;
  Taker take(bytes);
  auto hash = take.fixed<uint64_t>();
  if (hash != hash64(bytes.substr(8), hash_seed)) return std::nullopt;
  auto count = take.fixed<uint32_t>();
  if (count > index_block_bytes / 2) return std::nullopt;
  std::vector<IndexEntry> entries;
  entries.reserve(count);
  uint64_t key = 0;
  for (uint32_t i = 0; i < count; ++i) {
    key += take.varint();
    uint64_t frame = take.varint();
    if (take.failed() || key > UINT32_MAX || frame > UINT32_MAX) return std::nullopt;
    entries.push_back({static_cast<uint32_t>(key), static_cast<uint32_t>(frame)});
  }
  if (!std::ranges::is_sorted(entries)) return std::nullopt;
  return entries;
}

}  // namespace headrace
