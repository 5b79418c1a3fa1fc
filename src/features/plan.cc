// The plan's look-ups: definitions by name, event types by spelling, clauses by event.
#define XXH_INLINE_ALL
#include "src/features/plan.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>

#include "src/features/plan_builder.h"
#include "src/features/words.h"

namespace headrace::features {

Result<std::shared_ptr<const Plan>> Plan::compile(std::span<const Definition> definitions) {
  PlanBuilder builder;
  for (size_t i = 0; i < definitions.size(); ++i) {
    Result<Done> added = builder.add(definitions[i]);
    if (added) continue;
    Problem problem = added.problem();
    problem.field = fmt::format("features[{}].{}", i, problem.field);
    return problem;
  }
  return builder.finish();
}

std::optional<size_t> Plan::index_of(EntityKind kind, std::string_view name) const {
  const std::vector<Output>& outputs = this->kind(kind).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].text.name == name) return i;
  }
  return std::nullopt;
}

uint8_t Plan::type_code(std::string_view type) const {
  size_t mask = type_table_.size() - 1;
  for (size_t at = XXH3_64bits(type.data(), type.size()) & mask;; at = (at + 1) & mask) {
    const TypeEntry& entry = type_table_[at];
    if (entry.code == 0 || entry.name == type) return entry.code;
  }
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
  size_t spellings = types_.size() + type_synonyms().size();
  type_table_.assign(std::bit_ceil(4 * spellings), {});
  for (size_t code = 1; code < types_.size(); ++code) {
    index_type(types_[code].name, static_cast<uint8_t>(code));
    for (const Synonym& synonym : type_synonyms()) {
      if (synonym.meant == types_[code].name) index_type(synonym.said, static_cast<uint8_t>(code));
    }
  }
}

void Plan::index_type(std::string_view spelling, uint8_t code) {
  size_t mask = type_table_.size() - 1;
  size_t at = XXH3_64bits(spelling.data(), spelling.size()) & mask;
  while (type_table_[at].code != 0) at = (at + 1) & mask;
  type_table_[at] = {std::string(spelling), code};
}

}  // namespace headrace::features
