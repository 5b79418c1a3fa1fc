// CRC32C against published values and bit by bit; digests as sums.
#include "codec/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace headrace {
namespace {

uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = ~0U;
  for (char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

std::string random_bytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

TEST(Checksum, PublishedValues) {  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2U);  // XXH3-64 of nothing, seed 0
}

TEST(Checksum, ContinuesAndEqualsTheSlowOne) {
  std::mt19937_64 random(1);
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes = random_bytes(random, size);
    EXPECT_EQ(crc32c(bytes), slow_crc32c(bytes));
    size_t cut = size == 0 ? 0 : random() % size;
    EXPECT_EQ(crc32c(bytes.substr(cut), crc32c(bytes.substr(0, cut))), crc32c(bytes));
  }
}

TEST(Checksum, DigestsAreSumsWhateverTheOrder) {
  std::mt19937_64 random(2);
  std::vector<Digest> parts;
  for (int i = 0; i < 100; ++i) parts.push_back(hash128(random_bytes(random, random() % 50)));
  Digest forward, backward;
  for (const Digest& part : parts) forward += part;
  std::ranges::reverse(parts);
  for (const Digest& part : parts) backward += part;
  EXPECT_EQ(forward, backward);
  for (const Digest& part : parts) forward -= part;
  EXPECT_EQ(forward, Digest{});
  Digest carry{~0ULL, 0};
  carry += Digest{1, 0};
  EXPECT_EQ(carry, (Digest{0, 1}));
  carry -= Digest{1, 0};
  EXPECT_EQ(carry, (Digest{~0ULL, 0}));
  EXPECT_EQ(to_text(Digest{0x1, 0xab}), "00000000000000ab0000000000000001");
}

}  // namespace
}  // namespace headrace
