// CRC32C by the processor's instruction where there is one, else by table; XXH3 from the library's header.
#include "codec/checksum.h"

#include <array>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace headrace {
namespace {

#ifdef __SSE4_2__

uint32_t crc_raw(uint32_t crc, const char* data, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<uint32_t>(wide);
  for (; size > 0; ++data, --size) narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*data));
  return narrow;
}

#else

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

uint32_t crc_raw(uint32_t crc, const char* data, size_t size) {
  static constexpr std::array<uint32_t, 256> table = crc_table();
  for (; size > 0; ++data, --size) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(*data)) & 0xff];
  return crc;
}

#endif

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t seed) { return ~crc_raw(~seed, bytes.data(), bytes.size()); }

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Digest hash128(std::string_view bytes, uint64_t seed) {
  XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

struct Hash128::Work {
  XXH3_state_t state;
};

Hash128::Hash128() : work_(std::make_unique<Work>()) { XXH3_128bits_reset(&work_->state); }
Hash128::~Hash128() = default;
void Hash128::add(std::string_view bytes) { XXH3_128bits_update(&work_->state, bytes.data(), bytes.size()); }

Digest Hash128::value() const {
  XXH128_hash_t hash = XXH3_128bits_digest(&work_->state);
  return {hash.low64, hash.high64};
}

Digest& Digest::operator+=(const Digest& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Digest& Digest::operator-=(const Digest& other) {
  high -= other.high + (low < other.low ? 1 : 0);
  low -= other.low;
  return *this;
}

std::string to_text(const Digest& digest) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (uint64_t half : {digest.high, digest.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(digits[(half >> shift) & 15]);
  }
  return text;
}

}  // namespace headrace
