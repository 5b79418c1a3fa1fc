// FieldTable: the spellings of wanted fields, and taking a scalar of the JSON into the slots of its field.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/features/observation.h"
#include "src/features/plan.h"
#include "src/features/word_table.h"

namespace headrace::features {

class FieldTable {
 public:
  struct Slots {
    uint8_t number = 0, identity = 0;  // 0: not wanted as such
  };

  explicit FieldTable(const Plan& plan);

  bool empty() const { return slots_.size() == 1; }

  // Nothing where no definition wants a field of this name.
  const Slots* find(std::string_view name) const {
    uint8_t known = spellings_.find(name);
    return known == 0 ? nullptr : &slots_[known];
  }

 private:
  void add(std::string_view name, const Field& field);

  WordTable spellings_;
  std::vector<Slots> slots_{1};  // by spelling; 0 is nobody's
};

// A text is only itself; a number, or a boolean as 0 or 1, also has a value. `token` is its text in the JSON.
void take_text(const FieldTable::Slots& slots, std::string_view text, Observation& seen);
void take_number(const FieldTable::Slots& slots, double value, std::string_view token, Observation& seen);

}  // namespace headrace::features
