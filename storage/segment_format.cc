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
constexpr uint32_t segment_version = 1;
constexpr uint16_t batch_magic = 0x4248;
constexpr uint8_t batch_version = 1;
constexpr size_t segment_crc_at = 8, batch_crc_at = 4;

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
  return header.length > batch_header_bytes && header.raw_length <= limits::open_batch_bytes_max &&
         header.body_bytes() <= header.raw_length && header.count > 0 && header.first_lsn > 0 &&
         header.undurable > 0 && header.undurable <= header.first_lsn &&
         (header.codec == Codec::zstd || header.body_bytes() == header.raw_length);
}

}  // namespace

uint64_t salt_of(const PartitionPlace& place) {
  return hash64(std::string_view(reinterpret_cast<const char*>(place.uuid.data()), place.uuid.size()),
                place.partition);
}

std::string encode(const SegmentHeader& header, const PartitionPlace& place) {
  std::string bytes(segment_header_bytes, '\0');
  store(bytes.data(), 0, segment_magic);
  store(bytes.data(), 12, segment_version);
  std::memcpy(bytes.data() + 16, place.uuid.data(), place.uuid.size());
  store(bytes.data(), 32, place.partition);
  store(bytes.data(), 36, header.segment);
  store(bytes.data(), 40, header.first_lsn);
  store(bytes.data(), 48, header.chain);
  store(bytes.data(), 56, header.created);
  store(bytes.data(), segment_crc_at, crc_without(bytes, segment_crc_at, 0));
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes, const PartitionPlace& place) {
  if (bytes.size() < segment_header_bytes) return std::nullopt;
  bytes = bytes.substr(0, segment_header_bytes);
  if (load<uint64_t>(bytes, 0) != segment_magic || load<uint32_t>(bytes, 12) != segment_version)
    return std::nullopt;
  if (load<uint32_t>(bytes, segment_crc_at) != crc_without(bytes, segment_crc_at, 0)) return std::nullopt;
  if (std::memcmp(bytes.data() + 16, place.uuid.data(), place.uuid.size()) != 0) return std::nullopt;
  if (load<uint32_t>(bytes, 32) != place.partition) return std::nullopt;
  return SegmentHeader{load<uint32_t>(bytes, 36), load<uint64_t>(bytes, 40), load<uint64_t>(bytes, 48),
                       load<int64_t>(bytes, 56)};
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
  store(out, 56, header.undurable);
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
  if (load<uint32_t>(bytes, 60) != 0) return std::nullopt;  // flags and dictionary of a later version
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
                     .undurable = load<uint32_t>(bytes, 56)};
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
