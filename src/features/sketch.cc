// The list, the registers, and the estimate.
#include "src/features/sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "src/base/check.h"
#include "src/features/bits.h"

namespace headrace::features {
namespace {

constexpr unsigned rank_bits = 64 - sketch_precision;  // of a hash, behind its register's number

void raise_register(uint64_t hash, char* registers) {
  size_t index = hash >> rank_bits;
  uint64_t rest = hash << sketch_precision;
  auto rank =
      static_cast<uint8_t>(std::min<unsigned>(static_cast<unsigned>(std::countl_zero(rest)), rank_bits) + 1);
  auto held = static_cast<uint8_t>(registers[index]);
  if (rank > held) registers[index] = static_cast<char>(rank);
}

// Index of the first listed hash that is not below `hash`.
size_t position(uint64_t hash, const char* list, size_t count) {
  size_t low = 0;
  while (count > 0) {
    size_t half = count / 2;
    bool below = load<uint64_t>(list + 8 * (low + half)) < hash;
    low += below ? half + 1 : 0;
    count = below ? count - half - 1 : half;
  }
  return low;
}

void make_dense(size_t begin, SketchHead& head, std::string& row) {
  std::array<uint64_t, limits::feature_sparse_max> hashes;
  std::memcpy(hashes.data(), row.data() + begin, sizeof(hashes));
  row.insert(begin + head.bytes, sketch_registers - head.bytes, '\0');
  std::memset(row.data() + begin, 0, sketch_registers);
  for (uint64_t hash : hashes) raise_register(hash, row.data() + begin);
  head = {static_cast<uint32_t>(sketch_registers), dense};
}

void grow_list(size_t begin, SketchHead& head, std::string& row) {
  uint32_t more = std::max<uint32_t>(head.bytes, 4 * 8);
  row.insert(begin + head.bytes, more, '\0');
  head.bytes += more;
}

// Sums over registers that are zero and over registers that are full (Ertl, section 2.4).
double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

double dense_estimate(const char* registers) {
  std::array<uint32_t, rank_bits + 2> having{};  // how many registers hold each rank
  for (size_t i = 0; i < sketch_registers; ++i) ++having[static_cast<uint8_t>(registers[i])];
  constexpr double m = sketch_registers;
  double z = m * tau(1 - having[rank_bits + 1] / m);
  for (unsigned k = rank_bits; k > 0; --k) z = 0.5 * (z + having[k]);
  z += m * sigma(having[0] / m);
  return m * m / (2 * std::numbers::ln2 * z);
}

static_assert(limits::feature_sparse_max * 8 <= sketch_registers);
static_assert(std::has_single_bit(limits::feature_sparse_max) && limits::feature_sparse_max >= 4);

}  // namespace

void sketch_add(uint64_t hash, size_t begin, SketchHead& head, std::string& row) {
  if (head.count == dense) return raise_register(hash, row.data() + begin);
  size_t at = position(hash, row.data() + begin, head.count);
  if (at < head.count && load<uint64_t>(row.data() + begin + 8 * at) == hash) return;
  if (head.count == limits::feature_sparse_max) {
    make_dense(begin, head, row);
    return raise_register(hash, row.data() + begin);
  }
  if (head.count * 8 == head.bytes) grow_list(begin, head, row);
  char* here = row.data() + begin + 8 * at;
  std::memmove(here + 8, here, 8 * (head.count - at));
  store(here, hash);
  ++head.count;
}

double sketch_estimate(const SketchHead& head, const char* begin) {
  return head.count == dense ? dense_estimate(begin) : head.count;
}

}  // namespace headrace::features
