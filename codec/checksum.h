// Checksums and hashes: CRC32C (RFC 3720, appendix B.4) and XXH3 (xxHash 0.8).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace headrace {

// CRC32C of `bytes`, continuing from `seed` (the CRC of what came before; 0 at the start).
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

// 128 bits that add and subtract: a sum over a set does not depend on its order.
struct Digest {
  uint64_t low = 0, high = 0;

  bool operator==(const Digest&) const = default;
  Digest& operator+=(const Digest& other);
  Digest& operator-=(const Digest& other);
};

std::string to_text(const Digest& digest);  // 32 hexadecimal digits

Digest hash128(std::string_view bytes, uint64_t seed = 0);

// hash128() of bytes that come in pieces.
class Hash128 {
 public:
  Hash128();
  ~Hash128();
  Hash128(const Hash128&) = delete;
  Hash128& operator=(const Hash128&) = delete;
  void add(std::string_view bytes);
  Digest value() const;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace headrace
