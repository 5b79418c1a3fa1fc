// Observation: what the definitions can see of one event. The only form in which an event reaches a row.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "src/base/limits.h"
#include "src/base/time.h"

namespace headrace::features {

// Filled by FieldIndex from an event or from a fold payload; `type` borrows from whichever it was.
struct Observation {
  Micros time = 0;
  std::string_view type;                                        // as the producer spelt it
  uint8_t type_spelling = 0;                                    // of the plan; 0: a type no definition names
  uint8_t type_code = 0;                                        // the same for synonyms
  uint64_t matched = 0;                                         // bit c: clause c of the plan matches
  std::array<double, limits::feature_fields_max> number{};      // slot 0 is always 1.0; NaN: missing
  std::array<uint64_t, limits::feature_fields_max> identity{};  // hash of a scalar's text; 0: missing
};

}  // namespace headrace::features
