// Encoding and checking segment and batch headers.
#include "storage/segment_format.h"

#include <cstring>

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr uint64_t segment_magic = 0x31544d4745535248;  // "HRSEGMT1"
constexpr uint32_t segment_version = 1, rewritten_version = 2, holed_version = 3;
constexpr uint16_t batch_magic = 0x4248;
constexpr uint8_t batch_version = 1;
constexpr size_t segment_crc_at = 8, batch_crc_at = 4;
constexpr uint16_t frame_flag = 1;

template <class T>
void store(char* out, size_t at, T value) {
  std::memcpy(out + at, &value, sizeof(T));
}

template <class T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// The CRC of `bytes` as if the four bytes at `at` were zero.
uint32_t crc_without(std::string_view bytes, size_t at, uint32_t seed) {
  uint32_t crc = crc32c(bytes.substr(0, at), seed);
  crc = crc32c(std::string_view("\0\0\0\0", 4), crc);
  return crc32c(bytes.substr(at + 4), crc);
}

bool plausible(const BatchHeader& header) {
  bool counts = header.frame ? header.count <= header.span && header.span > 0
                             : header.count > 0 && header.length > batch_header_bytes;
  return counts && header.length >= batch_header_bytes && header.raw_length <= limits::open_batch_bytes_max &&
         header.body_bytes() <= header.raw_length && header.first_lsn > 0 &&
         header.last_lsn() >= header.first_lsn && header.undurable > 0 &&
         header.undurable <= header.first_lsn &&
         (header.codec == Codec::zstd || header.body_bytes() == header.raw_length);
}

void store_rewritten(char* out, const Rewritten& rewritten) {
  store(out, 64, rewritten.end_lsn);
  store(out, 72, rewritten.end_chain);
  store(out, 80, rewritten.frames_chain);
  store(out, 88, rewritten.index_offset);
  store(out, 96, rewritten.index_bytes);
  store(out, 104, rewritten.head_bytes);
  store(out, 108, rewritten.records);
  store(out, 112, rewritten.head_hash);
  store(out, 120, rewritten.raw_bytes);
  store(out, 128, rewritten.event_first);
  store(out, 136, rewritten.event_last);
  store(out, 144, rewritten.frames);
  store(out, 148, rewritten.holes);
  store(out, 152, rewritten.holes_bytes);
  store(out, 160, rewritten.holes_hash);
  store(out, 168, rewritten.thinned);
}

Rewritten load_rewritten(std::string_view bytes) {
  return {.end_lsn = load<uint64_t>(bytes, 64),
          .end_chain = load<uint64_t>(bytes, 72),
          .frames_chain = load<uint64_t>(bytes, 80),
          .index_offset = load<uint64_t>(bytes, 88),
          .index_bytes = load<uint64_t>(bytes, 96),
          .head_bytes = load<uint32_t>(bytes, 104),
          .records = load<uint32_t>(bytes, 108),
          .head_hash = load<uint64_t>(bytes, 112),
          .raw_bytes = load<uint64_t>(bytes, 120),
          .event_first = load<int64_t>(bytes, 128),
          .event_last = load<int64_t>(bytes, 136),
          .frames = load<uint32_t>(bytes, 144),
          .thinned = load<uint64_t>(bytes, 168),
          .holes = load<uint32_t>(bytes, 148),
          .holes_bytes = load<uint64_t>(bytes, 152),
          .holes_hash = load<uint64_t>(bytes, 160)};
}

bool plausible(const SegmentHeader& header) {
  const Rewritten& its = *header.rewritten;
  return its.end_lsn > header.first_lsn && its.index_offset >= segment_header_bytes &&
         its.head_bytes <= its.index_bytes && its.holes_offset() > its.index_offset &&
         its.file_bytes() >= its.holes_offset();
}

uint32_t version_of(const SegmentHeader& header) {
  if (!header.rewritten) return segment_version;
  return header.rewritten->holes ? holed_version : rewritten_version;
}

}  // namespace

uint64_t salt_of(const PartitionPlace& place) {
  return hash64(std::string_view(reinterpret_cast<const char*>(place.uuid.data()), place.uuid.size()),
                place.partition);
}

std::string encode(const SegmentHeader& header, const PartitionPlace& place) {
  std::string bytes(segment_header_bytes, '\0');
  store(bytes.data(), 0, segment_magic);
  store(bytes.data(), 12, version_of(header));
  std::memcpy(bytes.data() + 16, place.uuid.data(), place.uuid.size());
  store(bytes.data(), 32, place.partition);
  store(bytes.data(), 36, header.segment);
  store(bytes.data(), 40, header.first_lsn);
  store(bytes.data(), 48, header.chain);
  store(bytes.data(), 56, header.created);
  if (header.rewritten) store_rewritten(bytes.data(), *header.rewritten);
  store(bytes.data(), segment_crc_at, crc_without(bytes, segment_crc_at, 0));
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes, const PartitionPlace& place) {
  if (bytes.size() < segment_header_bytes) return std::nullopt;
  bytes = bytes.substr(0, segment_header_bytes);
  auto version = load<uint32_t>(bytes, 12);
  if (load<uint64_t>(bytes, 0) != segment_magic) return std::nullopt;
  if (version < segment_version || version > holed_version) return std::nullopt;
  if (load<uint32_t>(bytes, segment_crc_at) != crc_without(bytes, segment_crc_at, 0)) return std::nullopt;
  if (std::memcmp(bytes.data() + 16, place.uuid.data(), place.uuid.size()) != 0) return std::nullopt;
  if (load<uint32_t>(bytes, 32) != place.partition) return std::nullopt;
  SegmentHeader header{load<uint32_t>(bytes, 36), load<uint64_t>(bytes, 40), load<uint64_t>(bytes, 48),
                       load<int64_t>(bytes, 56)};
  if (version == segment_version) return header;
  header.rewritten = load_rewritten(bytes);
  if (!plausible(header) || version_of(header) != version) return std::nullopt;
  return header;
}

uint64_t encode(const BatchHeader& header, uint64_t salt, char* out) {
  CHECK(plausible(header));
  std::memset(out, 0, batch_header_bytes);
  store(out, 0, batch_magic);
  store(out, 2, batch_version);
  store(out, 3, header.codec);
  store(out, 8, header.length);
  store(out, 12, header.raw_length);
  store(out, 16, header.segment);
  store(out, 20, header.count);
  store(out, 24, header.first_lsn);
  store(out, 32, header.chain);
  store(out, 40, header.body_hash);
  store(out, 48, header.base_time);
  store(out, 56, header.frame ? header.span : header.undurable);
  store(out, 60, header.frame ? frame_flag : uint16_t{0});
  std::string_view bytes(out, batch_header_bytes);
  store(out, batch_crc_at, crc_without(bytes, batch_crc_at, static_cast<uint32_t>(salt)));
  return chain_after(bytes, header.chain);
}

std::optional<BatchHeader> decode_batch_header(std::string_view bytes, uint64_t salt) {
  if (bytes.size() < batch_header_bytes) return std::nullopt;
  bytes = bytes.substr(0, batch_header_bytes);
  if (load<uint16_t>(bytes, 0) != batch_magic || load<uint8_t>(bytes, 2) != batch_version)
    return std::nullopt;
  if (load<uint8_t>(bytes, 3) > static_cast<uint8_t>(Codec::zstd)) return std::nullopt;
  auto flags = load<uint16_t>(bytes, 60);
  if (flags > frame_flag || load<uint16_t>(bytes, 62) != 0) return std::nullopt;  // of a later version
  if (load<uint32_t>(bytes, batch_crc_at) != crc_without(bytes, batch_crc_at, static_cast<uint32_t>(salt))) {
    return std::nullopt;
  }
  BatchHeader header{.codec = static_cast<Codec>(load<uint8_t>(bytes, 3)),
                     .length = load<uint32_t>(bytes, 8),
                     .raw_length = load<uint32_t>(bytes, 12),
                     .segment = load<uint32_t>(bytes, 16),
                     .count = load<uint32_t>(bytes, 20),
                     .first_lsn = load<uint64_t>(bytes, 24),
                     .chain = load<uint64_t>(bytes, 32),
                     .body_hash = load<uint64_t>(bytes, 40),
                     .base_time = load<int64_t>(bytes, 48),
                     .undurable = flags ? 1 : load<uint32_t>(bytes, 56),
                     .frame = flags == frame_flag,
                     .span = flags ? load<uint32_t>(bytes, 56) : 0};
  if (!plausible(header)) return std::nullopt;
  return header;
}

uint64_t chain_after(std::string_view header_bytes, uint64_t chain_before) {
  return hash64(header_bytes.substr(0, batch_header_bytes), chain_before);
}

std::string segment_name(uint32_t segment) {
  std::string digits = std::to_string(segment);
  return std::string(10 - digits.size(), '0') + digits + ".seg";
}

std::optional<uint32_t> segment_of_name(std::string_view name) {
  if (name.size() != 14 || !name.ends_with(".seg")) return std::nullopt;
  uint64_t value = 0;
  for (char c : name.substr(0, 10)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value == 0 || value > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(value);
}

}  // namespace headrace
