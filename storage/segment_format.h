// The bytes of a log segment. All integers little-endian.
//
//   segment := segment-header(4096) batch* zeros
//   segment-header :=
//      0 magic       u64  "HRSEGMT1"
//      8 crc32c      u32  of the 4096 bytes with this field zero
//     12 version     u32  1
//     16 uuid        16   of the data directory
//     32 partition   u32
//     36 segment     u32  id; the file is named after it
//     40 first_lsn   u64  of the first batch; records of the segment before with this LSN or a later one are
//     void 48 chain       u64  the chain value before the first batch 56 created     i64  us since 1970, UTC
//     64 zeros
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
//     60 flags       u16  0
//     62 dictionary  u16  0: none
//   body := see codec/record.h
//
// The salt is a hash of uuid and partition. It makes bytes that a client chose, or that stem from another
// directory, no valid batch. The chain value after a batch is XXH3-64 of its header, seeded with the value
// before; before the first batch of a partition it is the salt. A segment ends where the next one's first_lsn
// is reached.
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

struct SegmentHeader {
  uint32_t segment = 0;
  Lsn first_lsn = 1;
  uint64_t chain = 0;
  Micros created = 0;
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

  Lsn last_lsn() const { return first_lsn + count - 1; }
  Lsn watermark() const { return first_lsn - undurable; }
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
