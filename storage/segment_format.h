// The bytes of a log segment. All integers little-endian.
//
//   segment           := segment-header(4096) batch* zeros
//   rewritten-segment := segment-header(4096) frame* index hole*     index: segment_index.h, hole: hole.h
//   segment-header :=
//      0 magic       u64  "HRSEGMT1"
//      8 crc32c      u32  of the 4096 bytes with this field zero
//     12 version     u32  1, of a rewritten segment 2, of one with holes 3
//     16 uuid        16   of the data directory
//     32 partition   u32
//     36 segment     u32  id; the file is named after it
//     40 first_lsn   u64  of the first batch; records of the segment before with this LSN or a later one are void
//     48 chain       u64  the chain value before the first batch
//     56 created     i64  us since 1970, UTC
//   only in a rewritten segment (else zeros):
//     64 end_lsn       u64  the first LSN of the next segment
//     72 end_chain     u64  the chain value its original ended with, and the next segment begins with
//     80 frames_chain  u64  the chain value after its last frame
//     88 index_offset  u64  where the frames end and the index begins
//     96 index_bytes   u64  of the whole index
//    104 head_bytes    u32  of the index's head
//    108 records       u32  that are left
//    112 head_hash     u64  XXH3-64 of the head, seeded with the salt
//    120 raw_bytes     u64  of all bodies before compression
//    128 event_first, event_last  i64 of all events (first > last where there is none)
//    144 frames        u32
//    148 holes         u32  behind the index, to the end of the file
//    152 holes_bytes   u64
//    160 holes_hash    u64  XXH3-64 of them all, seeded with the salt
//    168 thinned       u64  what retention left out (Expired::mark(), retention.h); 0: nothing
//    176 zeros
//   batch := batch-header(64) body padding             begins at a multiple of 8; padding is zeros
//   batch-header :=
//      0 magic       u16  0x4248
//      2 version     u8   1
//      3 codec       u8   0 raw, 1 one zstd frame
//      4 crc32c      u32  of the header with this field zero, continued from the salt
//      8 length      u32  of header and body, without padding
//     12 raw_length  u32  of the body when decompressed
//     16 segment     u32
//     20 count       u32  of records
//     24 first_lsn   u64
//     32 chain       u64  over all batches before this one
//     40 body_hash   u64  XXH3-64 of the body as it stands here, seeded with the salt
//     48 base_time   i64  us since 1970, UTC
//     56 undurable   u32  first_lsn minus the durable LSN at the time of writing (the watermark); at least 1
//     60 flags       u16  bit 0: this is a frame of a rewritten segment
//     62 dictionary  u16  0: none
//   body := see codec/record.h
//   frame := a batch with flag 0: count may be 0, records are sparse, and `undurable` holds the number of LSNs from
//            first_lsn on that it stands for, with or without a record; the next frame goes on behind them
//
// The salt is a hash of uuid and partition. It makes bytes that a client chose, or that stem from another
// directory, no valid batch. The chain value after a batch is XXH3-64 of its header, seeded with the value
// before; before the first batch of a partition it is the salt. A segment ends where the next one's first_lsn
// is reached. The frames of a rewritten segment are a chain of their own from `chain` to `frames_chain`; behind them the
// log goes on from `end_chain`. Only sealed segments are rewritten, so one always has a next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/record.h"
#include "storage/directory.h"

namespace headrace {

inline constexpr size_t segment_header_bytes = 4096;
inline constexpr size_t batch_header_bytes = 64;
inline constexpr size_t batch_alignment = 8;

enum class Codec : uint8_t { raw = 0, zstd = 1 };

// What the header of a rewritten segment says besides.
struct Rewritten {
  Lsn end_lsn = 1;
  uint64_t end_chain = 0, frames_chain = 0;
  uint64_t index_offset = 0, index_bytes = 0;
  uint32_t head_bytes = 0, records = 0;
  uint64_t head_hash = 0, raw_bytes = 0;
  Micros event_first = 0, event_last = 0;
  uint32_t frames = 0;
  uint64_t thinned = 0;
  uint32_t holes = 0;
  uint64_t holes_bytes = 0, holes_hash = 0;

  uint64_t holes_offset() const { return index_offset + index_bytes; }
  uint64_t file_bytes() const { return holes_offset() + holes_bytes; }
};

struct SegmentHeader {
  uint32_t segment = 0;
  Lsn first_lsn = 1;
  uint64_t chain = 0;
  Micros created = 0;
  std::optional<Rewritten> rewritten = {};

  uint64_t lsns() const {
    return rewritten->end_lsn - first_lsn;
  }  // of a rewritten one, with or without record
};

struct BatchHeader {
  Codec codec = Codec::raw;
  uint32_t length = 0;
  uint32_t raw_length = 0;
  uint32_t segment = 0;
  uint32_t count = 0;
  Lsn first_lsn = 0;
  uint64_t chain = 0;
  uint64_t body_hash = 0;
  Micros base_time = 0;
  uint32_t undurable = 1;
  bool frame = false;  // of a rewritten segment
  uint32_t span = 0;   // of a frame: LSNs it stands for

  Lsn last_lsn() const { return first_lsn + (frame ? span : count) - 1; }
  Lsn watermark() const { return first_lsn - undurable; }
  Spacing spacing() const { return frame ? Spacing::sparse : Spacing::dense; }
  size_t body_bytes() const { return length - batch_header_bytes; }
  uint64_t padded_length() const {
    return (uint64_t{length} + batch_alignment - 1) / batch_alignment * batch_alignment;
  }
};

uint64_t salt_of(const PartitionPlace& place);

std::string encode(const SegmentHeader& header, const PartitionPlace& place);
// Nothing where the bytes are no valid header of this partition.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes, const PartitionPlace& place);

// Writes 64 bytes to `out`; the chain value after this batch.
uint64_t encode(const BatchHeader& header, uint64_t salt, char* out);
// Nothing where the 64 bytes are no valid header. The body is not looked at.
std::optional<BatchHeader> decode_batch_header(std::string_view bytes, uint64_t salt);
// The chain value after the batch whose header these 64 bytes are.
uint64_t chain_after(std::string_view header_bytes, uint64_t chain_before);

std::string segment_name(uint32_t segment);  // "0000000001.seg"
std::optional<uint32_t> segment_of_name(std::string_view name);

}  // namespace headrace
