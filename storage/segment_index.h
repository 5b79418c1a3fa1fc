// SegmentIndex: what stands behind the frames of a rewritten segment, and which frames may hold what is asked for.
//
//   index := head block*                 behind the last frame, to the end of the file
//   head  :=
//      0 frames u32   4 types u32
//      8 section{4}:  entries u64, blocks u32, zero u32      of event ids, users, sessions, carts
//     72 frame{frames}, 72 bytes each: the seek table
//          0 offset u64   8 length u32 (header and body)   12 count u32
//         16 first_lsn u64   24 span u32   28 raw_length u32
//         32 ingested first, last i64   48 event time first, last i64 (first > last where it holds no event)
//         64 types u64    bit i: an event of type i; bit 63: of type 63 or a later one
//        type{types}      each a text behind its length as a varint; at most 64, later ones are not named
//        fence u32        per block, all sections behind each other: the key of its first entry
//   block := 4096 bytes
//      0 hash u64     XXH3-64 of the rest, seeded with the salt plus the number of the block
//      8 count u32    of entries
//     12 entry{count}: varint key (in a block's first entry; then what it is above the entry before), varint frame
//        zeros
//   Entries ascend by key, then frame. The key is the upper half of XXH3-64 of the text seeded with the section's
//   number: where two texts share one, a frame is read in vain, which 1 in 3,000 look-ups among a million keys does.
//
// The head's hash is in the segment's header, so nothing here is believed that was not checked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/event_filter.h"
#include "storage/segment_reader.h"

namespace headrace {

enum class Section : uint8_t { event_ids, users, sessions, carts };
inline constexpr size_t section_count = 4;
inline constexpr size_t index_block_bytes = 4096;
inline constexpr size_t index_types_max = 64;

struct FrameEntry {
  uint64_t offset = 0;
  uint32_t length = 0, count = 0;
  Lsn first_lsn = 0;
  uint32_t span = 0, raw_length = 0;
  Micros ingested_first = INT64_MAX, ingested_last = INT64_MIN;
  Micros event_first = INT64_MAX, event_last = INT64_MIN;
  uint64_t types = 0;

  Lsn last_lsn() const { return first_lsn + span - 1; }
};
static_assert(sizeof(FrameEntry) == 72);

struct SectionHead {
  uint64_t entries = 0;
  uint32_t blocks = 0, zero = 0;
};

struct IndexHead {
  std::array<SectionHead, section_count> sections;
  std::vector<FrameEntry> frames;
  std::vector<std::string> types;
  std::vector<uint32_t> fences;

  uint64_t bit_of_type(std::string_view type) const;  // 0: no frame can hold it
};

struct IndexEntry {
  uint32_t key = 0, frame = 0;
  auto operator<=>(const IndexEntry&) const = default;
};

uint32_t index_key(Section section, std::string_view text);

std::string encode(const IndexHead& head);
// Nothing where the bytes are no head of a segment with this header. Their hash is not looked at.
std::optional<IndexHead> decode_index_head(std::string_view bytes, const SegmentHeader& header);

// The frames that may hold an event asked for: by the seek table, then by `frames_of` each key asked for.
using FramesOf = std::function<Result<std::vector<uint32_t>>(Section section, std::string_view text)>;
Result<std::vector<uint32_t>> choose_frames(const IndexHead& head, const EventFilter& filter,
                                            const FramesOf& frames_of);

// Appends one block with as many of `entries` from `first` on as fit; how many.
size_t append_index_block(const std::vector<IndexEntry>& entries, size_t first, uint64_t hash_seed,
                          std::string& out);
// Nothing where the block is damaged.
std::optional<std::vector<IndexEntry>> decode_index_block(std::string_view bytes, uint64_t hash_seed);

class SegmentIndex {
 public:
  // Reads and checks the head. `reader`, of a rewritten segment, must outlive the result.
  static Result<SegmentIndex> open(SegmentReader& reader);

  const IndexHead& head() const { return head_; }
  // The frames that may hold an event asked for, ascending.
  Result<std::vector<uint32_t>> select(const EventFilter& filter) const;

 private:
  SegmentIndex(SegmentReader& reader, IndexHead head) : reader_(&reader), head_(std::move(head)) {}
  Result<std::vector<IndexEntry>> block(uint32_t number) const;
  Result<std::vector<uint32_t>> frames_of(Section section, std::string_view text) const;
  Problem damaged(std::string what) const;

  SegmentReader* reader_;
  IndexHead head_;
};

}  // namespace headrace
