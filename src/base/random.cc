// xoshiro256** (Blackman and Vigna, 2018) per thread, and getrandom for secrets.
#include "src/base/random.h"

#include <sys/random.h>

#include <bit>

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

}  // namespace

Random& thread_random() {
  thread_local Xoshiro random;
  return random;
}

std::string make_uuid(Random& random) {
  uint64_t high = (random.next() & ~0xf000ull) | 0x4000ull;
  uint64_t low = (random.next() & ~(3ull << 62)) | 2ull << 62;
  std::string out(36, '-');
  size_t at = 0;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) ++at;
    uint64_t half = i < 16 ? high : low;
    out[at++] = hex_digits[half >> (60 - 4 * (i % 16)) & 15];
  }
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
