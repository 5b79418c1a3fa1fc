// Dice: the one source of chance of a simulated history.
#pragma once

#include <cstdint>
#include <random>

namespace headrace::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t next() { return engine_(); }
  uint64_t below(uint64_t end) { return engine_() % end; }  // precondition: end > 0
  bool one_in(uint64_t count) { return below(count) == 0; }
  double share() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // of [0, 1)

 private:
  std::mt19937_64 engine_;
};

}  // namespace headrace::sim
