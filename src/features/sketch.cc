// The list, the registers, and the estimate.
#include "src/features/sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "src/base/check.h"
#include "src/base/prefetch.h"
#include "src/features/bits.h"

namespace headrace::features {
namespace {

constexpr unsigned rank_bits = 64 - sketch_precision;  // of a hash, behind its register's number
constexpr size_t line_bytes = row_memory::line_bytes;
constexpr size_t first_bytes = line_bytes;

// The line of a list of `bytes` bytes in which `hash` is looked for first.
size_t sketch_line(uint64_t hash, size_t bytes) { return hash * line_bytes & (bytes - 1); }

void raise_register(uint64_t hash, char* registers) {
  size_t index = hash >> rank_bits;
  uint64_t rest = hash << sketch_precision;
  auto rank =
      static_cast<uint8_t>(std::min<unsigned>(static_cast<unsigned>(std::countl_zero(rest)), rank_bits) + 1);
  auto held = static_cast<uint8_t>(registers[index]);
  if (rank > held) registers[index] = static_cast<char>(rank);
}

// Where `hash` is, or would be put: behind all others of its line, else in the next one.
char* slot_of(uint64_t hash, char* slots, size_t bytes) {
  for (size_t line = sketch_line(hash, bytes);; line = (line + line_bytes) & (bytes - 1)) {
    for (size_t at = line; at < line + line_bytes; at += 8) {
      auto held = load<uint64_t>(slots + at);
      if (held == hash || held == 0) return slots + at;
    }
  }
}

// Gives the sketch `bytes` bytes, all zero, and calls take(hash, begin) for each hash it held.
template <class F>
void rebuild(size_t bytes, size_t begin, SketchHead head, RowBytes& row, F take) {
  std::array<uint64_t, sketch_registers / 8> held;
  std::memcpy(held.data(), row.data() + begin, head.bytes);
  row.insert_zeros(begin + head.bytes, bytes - head.bytes);
  std::memset(row.data() + begin, 0, bytes);
  for (size_t i = 0; i < head.bytes / 8; ++i) {
    if (held[i] != 0) take(held[i], row.data() + begin);
  }
}

SketchHead make_dense(size_t begin, SketchHead head, RowBytes& row) {
  rebuild(sketch_registers, begin, head, row, raise_register);
  return {sketch_registers, dense};
}

SketchHead grow_slots(size_t begin, SketchHead head, RowBytes& row) {
  size_t bytes = head.bytes == 0 ? first_bytes : 2 * head.bytes;
  rebuild(bytes, begin, head, row,
          [&](uint64_t hash, char* slots) { store(slot_of(hash, slots, bytes), hash); });
  return {static_cast<uint32_t>(bytes), head.count};
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

static_assert(limits::feature_sparse_max * 8 * 4 <= sketch_registers * 3,
              "all slots fit where the registers will be");

}  // namespace

SketchHead sketch_add(uint64_t hash, size_t begin, SketchHead head, RowBytes& row) {
  if (head.count == dense) return raise_register(hash, row.data() + begin), head;
  size_t capacity = head.bytes / 8;
  char* slot = capacity > 0 ? slot_of(hash, row.data() + begin, head.bytes) : nullptr;
  if (slot != nullptr && load<uint64_t>(slot) == hash) return head;
  if (head.count == limits::feature_sparse_max) {
    head = make_dense(begin, head, row);
    return raise_register(hash, row.data() + begin), head;
  }
  if (4 * (head.count + 1) > 3 * capacity) {
    head = grow_slots(begin, head, row);
    slot = slot_of(hash, row.data() + begin, head.bytes);
  }
  store(slot, hash);
  return {head.bytes, head.count + 1};
}

void sketch_expect(uint64_t hash, size_t begin, SketchHead head, const RowBytes& row) {
  size_t at = head.count == dense ? hash >> rank_bits : head.bytes == 0 ? 0 : sketch_line(hash, head.bytes);
  prefetch(row.data() + begin + at);
}

double sketch_estimate(SketchHead head, const char* begin) {
  return head.count == dense ? dense_estimate(begin) : head.count;
}

}  // namespace headrace::features
