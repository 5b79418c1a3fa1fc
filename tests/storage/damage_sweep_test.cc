// Every kind of file is damaged in every way, and everything is asked: no answer may be wrong.
// HEADRACE_DAMAGE_CASES says how many flips of each kind there are; the table is printed.
#include <array>
#include <cstdlib>

#include "tests/storage/damage_world.h"

namespace headrace::testing_support {
namespace {

constexpr std::array<const char*, outcome_count> outcome_names = {"harmless", "refused", "mended", "detected",
                                                                  "died",     "WRONG"};
constexpr size_t quick_cases = 12;

size_t cases() {
  const char* said = std::getenv("HEADRACE_DAMAGE_CASES");
  return said != nullptr ? std::strtoul(said, nullptr, 10) : quick_cases;
}

using Tally = std::array<uint64_t, outcome_count>;

class Sweep {
 public:
  using Kind = DamageWorld::Kind;
  using Mutation = DamageWorld::Damage (Sweep::*)(const Kind&);

  DamageWorld::Damage flip(const Kind& kind) {
    std::string file = one_of(kind), bytes = world.content(file);
    size_t bit = random() % (8 * bytes.size());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    return {{file, bytes}};
  }
  DamageWorld::Damage truncate(const Kind& kind) {
    std::string file = one_of(kind);
    return {{file, world.content(file).substr(0, random() % world.content(file).size())}};
  }
  DamageWorld::Damage exchange(const Kind& kind) {
    std::string one = one_of(kind), other = one_of(kind);
    if (one != other) return {{one, world.content(other)}, {other, world.content(one)}};
    std::string bytes = world.content(one);  // two blocks of one file
    size_t block = std::min<size_t>(512, bytes.size() / 2), a = place(bytes, block), b = place(bytes, block);
    std::string first = bytes.substr(a, block);
    bytes.replace(a, block, bytes.substr(b, block)), bytes.replace(b, block, first);
    return {{one, bytes}};
  }
  DamageWorld::Damage duplicate(const Kind& kind) {
    std::string one = one_of(kind), other = one_of(kind);
    if (one != other) return {{one, world.content(other)}};
    std::string bytes = world.content(one);
    size_t block = std::min<size_t>(512, bytes.size() / 2);
    bytes.replace(place(bytes, block), block, bytes.substr(place(bytes, block), block));
    return {{one, bytes}};
  }
  DamageWorld::Damage remove(const Kind& kind) { return {{one_of(kind), std::nullopt}}; }

  Tally run(const Kind& kind, Mutation mutate, size_t count, std::string& wrong) {
    Tally tally{};
    for (size_t i = 0; i < count; ++i) {
      DamageWorld::Damage damage = (this->*mutate)(kind);
      world.restore(damage);
      std::string why;
      Outcome outcome = world.look(&why);
      ++tally[static_cast<size_t>(outcome)];
      if (outcome == Outcome::wrong) wrong += describe(damage) + ": " + why + "\n";
      if (std::getenv("HEADRACE_DAMAGE_LIST") != nullptr)
        std::printf("  %s: %s: %s\n", outcome_names[static_cast<size_t>(outcome)], describe(damage).c_str(),
                    why.c_str());
    }
    return tally;
  }

  DamageWorld world;
  std::mt19937_64 random{20261126};

 private:
  const std::string& one_of(const Kind& kind) { return kind.files[random() % kind.files.size()]; }
  size_t place(const std::string& bytes, size_t block) {
    return block == 0 ? 0 : random() % (bytes.size() / block) * block;
  }
  std::string describe(const DamageWorld::Damage& damage) const {
    std::string text;
    for (auto& [file, content] : damage) {
      const std::string& whole = world.content(file);
      auto differs = content
                         ? std::mismatch(whole.begin(), whole.end(), content->begin(), content->end()).first
                         : whole.begin();
      text += (text.empty() ? "" : " ") + file + " from byte " + std::to_string(differs - whole.begin());
    }
    return text;
  }
};

struct DamageRow {
  const char* name;
  Sweep::Mutation mutate;
  size_t share;  // of the number of flips, one in so many
};
constexpr DamageRow rows[] = {{"flip", &Sweep::flip, 1},
                        {"truncate", &Sweep::truncate, 10},
                        {"exchange", &Sweep::exchange, 10},
                        {"duplicate", &Sweep::duplicate, 10},
                        {"remove", &Sweep::remove, 100}};

TEST(DamageSweep, NoAnswerIsWrong) {
  Sweep sweep;
  sweep.world.restore({});
  std::string why;
  ASSERT_EQ(sweep.world.look(&why), Outcome::harmless) << why;
  const char* only = std::getenv("HEADRACE_DAMAGE_KIND");
  std::printf("%-20s %-10s %7s", "file", "damage", "cases");
  for (const char* name : outcome_names) std::printf(" %9s", name);
  std::printf("\n");
  std::string wrong;
  for (auto& kind : sweep.world.kinds()) {
    if (only != nullptr && kind.name != only) continue;
    for (auto& row : rows) {
      size_t count = std::max<size_t>(cases() / row.share, 2);
      Tally tally = sweep.run(kind, row.mutate, count, wrong);
      std::printf("%-20s %-10s %7zu", kind.name.c_str(), row.name, count);
      for (uint64_t n : tally) std::printf(" %9lu", n);
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  EXPECT_EQ(wrong, "");
}

}  // namespace
}  // namespace headrace::testing_support
