// xoshiro256** (Blackman and Vigna, 2018) per thread, and getrandom for secrets.
#include "src/base/random.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "src/base/check.h"

namespace headrace {
namespace {

void from_kernel(void* out, size_t bytes) { CHECK(getrandom(out, bytes, 0) == static_cast<ssize_t>(bytes)); }

class Xoshiro final : public Random {
 public:
  Xoshiro() { from_kernel(state_, sizeof state_); }

  uint64_t next() override {
    uint64_t result = std::rotl(state_[1] * 5, 7) * 9, shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  uint64_t state_[4];
};

constexpr char hex_digits[] = "0123456789abcdef";

// The low 32 bits of `bits` as eight hex digits, the first in the lowest byte.
uint64_t hex_of(uint64_t bits) {
  constexpr uint64_t each_byte = 0x0101010101010101u;
  uint64_t spread = __builtin_bswap32(static_cast<uint32_t>(bits));
  spread = (spread | spread << 16) & 0x0000ffff0000ffffu;
  spread = (spread | spread << 8) & 0x00ff00ff00ff00ffu;
  spread = (spread >> 4 | spread << 8) & 0x0f0f0f0f0f0f0f0fu;
  uint64_t letters = (spread + each_byte * 6) >> 4 & each_byte;  // 1 where the digit is above 9
  return spread + each_byte * '0' + letters * ('a' - '0' - 10);
}

}  // namespace

Random& thread_random() {
  thread_local Xoshiro random;
  return random;
}

UuidText make_uuid(Random& random) {
  uint64_t high = (random.next() & ~0xf000ull) | 0x4000ull;
  uint64_t low = (random.next() & ~(3ull << 62)) | 2ull << 62;
  uint64_t digits[4] = {hex_of(high >> 32), hex_of(high), hex_of(low >> 32), hex_of(low)};
  auto* hex = reinterpret_cast<const char*>(digits);
  UuidText out;
  std::memcpy(out.text, hex, 8), std::memcpy(out.text + 9, hex + 8, 4);
  std::memcpy(out.text + 14, hex + 12, 4), std::memcpy(out.text + 19, hex + 16, 4);
  std::memcpy(out.text + 24, hex + 20, 12);
  for (size_t dash : {8, 13, 18, 23}) out.text[dash] = '-';
  return out;
}

std::string make_token(Random& random, size_t count) {
  constexpr char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string out(count, '0');
  for (size_t i = 0; i < count;) {
    uint64_t bits = random.next();
    for (int j = 0; j < 10 && i < count; ++j, bits /= 36) out[i++] = alphabet[bits % 36];
  }
  return out;
}

std::string make_secret() {
  unsigned char bytes[32];
  from_kernel(bytes, sizeof bytes);
  std::string out;
  for (unsigned char b : bytes) out += hex_digits[b >> 4], out += hex_digits[b & 15];
  return out;
}

}  // namespace headrace
