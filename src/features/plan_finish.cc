// The last steps of compiling: programs per event type, the blank row, the digest.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <bit>

#include "src/features/bits.h"
#include "src/features/plan_builder.h"
#include "src/features/row.h"
#include "src/features/words.h"

namespace headrace::features {

Result<std::shared_ptr<const Plan>> PlanBuilder::finish() {
  finish_types();
  finish_digest();
  for (size_t i = 0; i < entity_kinds; ++i) finish_kind(i);
  return std::shared_ptr<const Plan>(plan_);
}

void PlanBuilder::finish_types() {
  std::set<std::string> names;
  for (const Clause& clause : plan_->clauses_) names.insert(clause.type);
  names.erase("*");
  plan_->types_.push_back({});
  for (const std::string& name : names)
    plan_->types_.push_back({.name = name, .certain = 0, .conditionals = {}});
  for (size_t bit = 0; bit < plan_->clauses_.size(); ++bit) {
    const Clause& clause = plan_->clauses_[bit];
    for (Plan::TypeRow& type : plan_->types_) {
      if (clause.type != "*" && clause.type != type.name) continue;
      uint64_t mask = uint64_t{1} << bit;
      if (clause.identity == 0) {
        type.certain |= mask;
      } else {
        type.conditionals.push_back({mask, clause.identity, clause.equals});
      }
    }
  }
  plan_->index_types();
}

// Every type gets the accumulators that some event of that type can change.
void PlanBuilder::finish_kind(size_t index) {
  KindPlan& kind = plan_->kinds_[index];
  for (const Plan::TypeRow& type : plan_->types_) {
    uint64_t possible = type.certain;
    for (const auto& conditional : type.conditionals) possible |= conditional.bit;
    std::vector<Op>& program = kind.programs.emplace_back();
    for (const Op& op : ops_[index]) {
      if ((op.plus | op.minus) & possible) program.push_back(op);
    }
  }
  RowHead head;
  head.kind = static_cast<uint8_t>(index);
  head.layout = static_cast<uint32_t>(plan_->digest_);
  head.points_offset = static_cast<uint32_t>(kind.blank.size());
  store(kind.blank.data(), head);
}

// Over what the definitions say and over every constant that shapes rows or values.
void PlanBuilder::finish_digest() {
  std::string text =
      fmt::format("{} {} {} {} {} {}\n", row_version, limits::feature_points_max, limits::feature_sparse_max,
                  limits::feature_horizon_us, limits::session_gap_us, limits::dwell_gap_max_us);
  for (const KindPlan& kind : plan_->kinds_) {
    for (const Output& output : kind.outputs) {
      const Definition& d = output.text;
      text +=
          fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", d.entity, d.name, d.aggregate, d.events, d.value, d.window);
    }
  }
  for (const Synonym& synonym : type_synonyms()) text += fmt::format("{}={}\n", synonym.said, synonym.meant);
  for (const Synonym& synonym : field_synonyms()) text += fmt::format("{}={}\n", synonym.said, synonym.meant);
  plan_->digest_ = XXH3_64bits(text.data(), text.size());
}

}  // namespace headrace::features
