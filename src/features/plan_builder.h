// PlanBuilder: turns parsed definitions into a Plan, one at a time.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "src/features/definition_text.h"
#include "src/features/plan.h"

namespace headrace::features {

class PlanBuilder {
 public:
  PlanBuilder();

  Result<Done> add(const Definition& definition);
  // Slots for what another plan reads of events: after all definitions.
  void carry(const Plan& coming);
  Result<std::shared_ptr<const Plan>> finish();

 private:
  struct Value {
    uint8_t a = 0, b = 0;
  };

  Result<Done> compile(const ParsedDefinition& parsed, Output& output);
  Result<uint64_t> clause_bits(const std::vector<ClauseText>& clauses, bool minus);
  Result<uint8_t> clause_bit(const ClauseText& text);
  Result<Field*> field(const std::string& name, std::string_view about);
  Result<uint8_t> number_slot(const std::string& name);
  Result<uint8_t> identity_slot(const std::string& name, std::string_view about);
  Result<Value> value_of(const ParsedDefinition& parsed);

  void place_all_time(KindPlan& kind, Output& output, Value value);
  void place_window(KindPlan& kind, Output& output, Value value);
  uint16_t accumulator(KindPlan& kind, Step step, const Output& output, Value value);
  uint16_t dwell(KindPlan& kind, uint64_t plus);
  uint16_t reserve(KindPlan& kind, std::string_view initial);

  void finish_blank();
  void finish_types();
  static uint64_t possible_of(const Plan::TypeRow& type);
  static uint32_t lines_of(const KindPlan& kind, const Program& program);
  size_t heat_of(size_t index, uint16_t offset) const;
  void order_accumulators(size_t index);
  static void choose_point_clauses(KindPlan& kind);
  void finish_kind(size_t index);
  void finish_digest();

  struct Placed {
    uint16_t offset, bytes;
    size_t heat = 0;
  };

  std::shared_ptr<Plan> plan_;
  std::array<std::vector<Op>, entity_kinds> ops_;
  std::array<std::vector<Placed>, entity_kinds> placed_;  // accumulators in the row
  std::array<std::set<std::string>, entity_kinds> names_;
  std::map<std::string, uint8_t> clause_bits_;
  uint8_t numbers_ = 1, identities_ = 1;  // slots taken
};

}  // namespace headrace::features
