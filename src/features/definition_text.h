// Reads one definition's texts into words of the program, or says which field breaks which rule.
#pragma once

#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/features/definition.h"

namespace headrace::features {

struct ClauseText {
  bool minus = false;
  std::string type;           // canonical, or "*"
  std::string field, equals;  // canonical field; empty: no test

  std::string text() const;
};

struct ParsedDefinition {
  Definition text;  // normalised: canonical words, one way of spacing
  EntityKind kind = EntityKind::cart;
  Aggregate aggregate = Aggregate::count;
  Window window = Window::all_time;
  std::vector<ClauseText> clauses;
  std::string field, times;  // the value: a field, perhaps times another
};

// The problem's field is one of Definition's members, e.g. "events".
Result<ParsedDefinition> parse_definition(const Definition& definition);

}  // namespace headrace::features
