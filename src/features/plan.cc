// The plan's look-ups: definitions by name, event types by spelling, clauses by event.
#include "src/features/plan.h"

#include <fmt/format.h>

#include "src/features/plan_builder.h"
#include "src/features/words.h"

namespace headrace::features {

Result<std::shared_ptr<const Plan>> Plan::compile(std::span<const Definition> definitions,
                                                  const Plan* coming) {
  PlanBuilder builder;
  for (size_t i = 0; i < definitions.size(); ++i) {
    Result<Done> added = builder.add(definitions[i]);
    if (added) continue;
    Problem problem = added.problem();
    problem.field = fmt::format("features[{}].{}", i, problem.field);
    return problem;
  }
  if (coming != nullptr) builder.carry(*coming);
  return builder.finish();
}

std::optional<size_t> Plan::index_of(EntityKind kind, std::string_view name) const {
  const std::vector<Output>& outputs = this->kind(kind).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].text.name == name) return i;
  }
  return std::nullopt;
}

uint64_t Plan::match(uint8_t type_code, std::span<const uint64_t> identity) const {
  const TypeRow& type = types_[type_code];
  uint64_t matched = type.certain;
  for (const Conditional& conditional : type.conditionals) {
    if (identity[conditional.identity] == conditional.equals) matched |= conditional.bit;
  }
  return matched;
}

void Plan::index_types() {
  for (size_t code = 1; code < types_.size(); ++code) {
    index_spelling(types_[code].name, static_cast<uint8_t>(code));
    for (const Synonym& synonym : type_synonyms()) {
      if (synonym.meant == types_[code].name) index_spelling(synonym.said, static_cast<uint8_t>(code));
    }
  }
}

void Plan::index_spelling(std::string_view spelling, uint8_t code) {
  spellings_.add(spelling);
  type_codes_.push_back(code);
}

}  // namespace headrace::features
