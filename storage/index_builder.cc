// Keys are gathered per frame, so that one that repeats within a frame is kept once.
#include "storage/index_builder.h"

#include <algorithm>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr size_t unsorted_min = 4096;

}  // namespace

void IndexBuilder::add(const RecordView& record) {
  open_.ingested_first = std::min(open_.ingested_first, record.time);
  open_.ingested_last = std::max(open_.ingested_last, record.time);
  if (record.kind != Kind::event) return;
  if (auto event = decode_event(record.payload)) add_event(*event);
}

void IndexBuilder::add_event(const Event& event) {
  open_.event_first = std::min(open_.event_first, event.time);
  open_.event_last = std::max(open_.event_last, event.time);
  open_.types |= bit_of_type(event.type);
  const std::string_view texts[section_count] = {event.id, event.user, event.session, event.cart};
  for (size_t s = 0; s < section_count; ++s)
    if (!texts[s].empty()) keys_[s].push_back(index_key(static_cast<Section>(s), texts[s]));
}

uint64_t IndexBuilder::bit_of_type(std::string_view type) {
  if (uint64_t bit = head_.bit_of_type(type)) return bit;
  head_.types.emplace_back(type);
  return uint64_t{1} << (head_.types.size() - 1);
}

void IndexBuilder::close_frame(uint64_t offset, const BatchHeader& header) {
  open_.offset = offset;
  open_.length = header.length;
  open_.count = header.count;
  open_.first_lsn = header.first_lsn;
  open_.span = header.span;
  open_.raw_length = header.raw_length;
  auto number = static_cast<uint32_t>(head_.frames.size());
  for (size_t s = 0; s < section_count; ++s) {
    Keys& keys = keys_[s];
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (uint32_t key : keys) entries_[s].push_back({key, number});
    keys.clear();
  }
  head_.frames.push_back(open_);
  open_ = {};
}

// Keeps all but a fraction sorted, so that a look-up scans little and nothing is moved often.
void IndexBuilder::sort_much(Section section) {
  std::vector<IndexEntry>& entries = entries_[static_cast<size_t>(section)];
  size_t& sorted = sorted_[static_cast<size_t>(section)];
  if (entries.size() - sorted <= unsorted_min + sorted / 8) return;
  auto middle = entries.begin() + static_cast<ptrdiff_t>(sorted);
  std::sort(middle, entries.end());
  std::inplace_merge(entries.begin(), middle, entries.end());
  sorted = entries.size();
}

std::vector<uint32_t> IndexBuilder::frames_of(Section section, std::string_view text) {
  sort_much(section);
  const std::vector<IndexEntry>& entries = entries_[static_cast<size_t>(section)];
  auto middle = entries.begin() + static_cast<ptrdiff_t>(sorted_[static_cast<size_t>(section)]);
  uint32_t key = index_key(section, text);
  std::vector<uint32_t> frames;
  auto at = std::lower_bound(entries.begin(), middle, IndexEntry{key, 0});
  for (; at != middle && at->key == key; ++at) frames.push_back(at->frame);
  for (at = middle; at != entries.end(); ++at)
    if (at->key == key) frames.push_back(at->frame);
  return frames;
}

std::vector<uint32_t> IndexBuilder::select(const EventFilter& filter) {
  auto frames = choose_frames(head_, filter, [this](Section section, std::string_view text) {
    return Result<std::vector<uint32_t>>(frames_of(section, text));
  });
  return std::move(*frames);
}

IndexBuilder::Index IndexBuilder::finish(uint64_t salt) {
  std::string blocks;
  for (size_t s = 0; s < section_count; ++s) {
    std::ranges::sort(entries_[s]);
    head_.sections[s].entries = entries_[s].size();
    for (size_t at = 0; at < entries_[s].size(); ++head_.sections[s].blocks) {
      head_.fences.push_back(entries_[s][at].key);
      at += append_index_block(entries_[s], at, salt + head_.fences.size() - 1, blocks);
    }
  }
  Index index{.bytes = encode(head_)};
  index.frames = static_cast<uint32_t>(head_.frames.size());
  for (const FrameEntry& frame : head_.frames) {
    index.event_first = std::min(index.event_first, frame.event_first);
    index.event_last = std::max(index.event_last, frame.event_last);
  }
  index.head_bytes = static_cast<uint32_t>(index.bytes.size());
  index.head_hash = hash64(index.bytes, salt);
  index.bytes += blocks;
  return index;
}

}  // namespace headrace
