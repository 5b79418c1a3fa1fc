// FieldTable: the spellings of wanted fields, and taking a scalar of the JSON into the slots of its field.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/features/observation.h"
#include "src/features/plan.h"

namespace headrace::features {

class FieldTable {
 public:
  struct Slots {
    uint8_t number = 0, identity = 0;  // 0: not wanted as such
  };

  explicit FieldTable(const Plan& plan);

  bool empty() const { return spellings_.empty(); }
  const Observation& blank() const { return blank_; }  // an event without any field

  // Nothing where no definition wants a field of this name.
  const Slots* find(std::string_view name) const {
    uint64_t left = buckets_[bucket_of(name)];
    return left == 0 ? nullptr : find_among(left, name);
  }

 private:
  struct Spelling {
    std::string name;
    Slots slots;
  };

  // By length, first and last character: most fields that nobody wants fall into an empty bucket.
  static size_t bucket_of(std::string_view name) {
    if (name.empty()) return 0;
    auto first = static_cast<unsigned char>(name.front()), last = static_cast<unsigned char>(name.back());
    return (name.size() * 11 + first * 5U + last * 3U) % 64;
  }
  const Slots* find_among(uint64_t left, std::string_view name) const;
  void add(std::string_view name, const Field& field);

  std::vector<Spelling> spellings_;     // at most 64: each field has a slot, and few have a synonym
  std::array<uint64_t, 64> buckets_{};  // which spellings to compare
  Observation blank_;
};

// A text is only itself; a number, or a boolean as 0 or 1, also has a value. `token` is its text in the JSON.
void take_text(const FieldTable::Slots& slots, std::string_view text, Observation& seen);
void take_number(const FieldTable::Slots& slots, double value, std::string_view token, Observation& seen);

}  // namespace headrace::features
