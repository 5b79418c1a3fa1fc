// Choosing frames: by seek table, then by the postings of each key that is asked for.
#include "storage/segment_index.h"

#include <algorithm>
#include <numeric>

#include "codec/checksum.h"

namespace headrace {

uint32_t index_key(Section section, std::string_view text) {
  return static_cast<uint32_t>(hash64(text, static_cast<uint64_t>(section)) >> 32);
}

uint64_t IndexHead::bit_of_type(std::string_view type) const {
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] == type) return uint64_t{1} << i;
  return types.size() == index_types_max ? uint64_t{1} << (index_types_max - 1) : 0;
}

Problem SegmentIndex::damaged(std::string what) const {
  return Problem(Error::storage_damaged, reader_->path(), "The index is damaged: " + std::move(what));
}

Result<SegmentIndex> SegmentIndex::open(SegmentReader& reader) {
  SegmentIndex index(reader, {});
  const Rewritten& its = *reader.header().rewritten;
  if (its.file_bytes() != reader.file_bytes()) return index.damaged("the file is cut short");
  auto bytes = reader.bytes_at(its.index_offset, its.head_bytes);
  if (!bytes) return bytes.problem();
  if (bytes->size() != its.head_bytes || hash64(*bytes, reader.salt()) != its.head_hash)
    return index.damaged("its head does not match its hash");
  auto head = decode_index_head(*bytes, reader.header());
  if (!head) return index.damaged("its head does not parse");
  index.head_ = std::move(*head);
  return index;
}

Result<std::vector<IndexEntry>> SegmentIndex::block(uint32_t number) const {
  const Rewritten& its = *reader_->header().rewritten;
  auto bytes = reader_->bytes_at(its.index_offset + its.head_bytes + uint64_t{number} * index_block_bytes,
                                 index_block_bytes);
  if (!bytes) return bytes.problem();
  auto entries = decode_index_block(*bytes, reader_->salt() + number);
  if (!entries || entries->empty() || entries->front().key != head_.fences[number] ||
      entries->back().frame >= head_.frames.size())
    return damaged("block " + std::to_string(number));
  return std::move(*entries);
}

// The blocks that can hold a key begin with the last one whose fence is below it.
Result<std::vector<uint32_t>> SegmentIndex::frames_of(Section section, std::string_view text) const {
  uint32_t key = index_key(section, text), first = 0;
  for (size_t s = 0; s < static_cast<size_t>(section); ++s) first += head_.sections[s].blocks;
  auto begin = head_.fences.begin() + first;
  auto end = begin + head_.sections[static_cast<size_t>(section)].blocks;
  auto at = std::lower_bound(begin, end, key);
  if (at != begin) --at;
  std::vector<uint32_t> frames;
  for (; at != end && *at <= key; ++at) {
    auto entries = block(static_cast<uint32_t>(at - head_.fences.begin()));
    if (!entries) return entries.problem();
    auto entry = std::ranges::lower_bound(*entries, IndexEntry{key, 0});
    for (; entry != entries->end() && entry->key == key; ++entry) frames.push_back(entry->frame);
  }
  return frames;
}

Result<std::vector<uint32_t>> SegmentIndex::select(const EventFilter& filter) const {
  return choose_frames(head_, filter,
                       [this](Section section, std::string_view text) { return frames_of(section, text); });
}

Result<std::vector<uint32_t>> choose_frames(const IndexHead& head, const EventFilter& filter,
                                            const FramesOf& frames_of) {
  std::vector<uint32_t> chosen;
  uint64_t types = filter.type.empty() ? ~uint64_t{0} : head.bit_of_type(filter.type);
  for (uint32_t i = 0; i < head.frames.size(); ++i) {
    const FrameEntry& frame = head.frames[i];
    if ((frame.types & types) == 0) continue;
    if (filter.start && frame.event_last < *filter.start) continue;
    if (filter.end && frame.event_first >= *filter.end) continue;
    chosen.push_back(i);
  }
  const std::pair<Section, const std::string&> keys[] = {{Section::event_ids, filter.id},
                                                         {Section::users, filter.user},
                                                         {Section::sessions, filter.session},
                                                         {Section::carts, filter.cart}};
  for (auto& [section, text] : keys) {
    if (text.empty() || chosen.empty()) continue;
    auto frames = frames_of(section, text);
    if (!frames) return frames.problem();
    std::vector<uint32_t> both;
    std::ranges::set_intersection(chosen, *frames, std::back_inserter(both));
    chosen = std::move(both);
  }
  return chosen;
}

}  // namespace headrace
