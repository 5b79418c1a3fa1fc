// Clauses, field slots and accumulators for one definition after the other; equal ones are shared.
#include "src/features/plan_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/features/bits.h"
#include "src/features/row.h"
#include "src/features/words.h"

namespace headrace::features {
namespace {

template <class... T>
std::string bytes_of(T... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}

std::string initial_of(Step step) {
  switch (step) {
    case Step::sum:
      return bytes_of(Wide{0});
    case Step::min:
    case Step::max:
      return bytes_of(nan);
    case Step::first:
    case Step::last:
      return bytes_of(int64_t{0}, nan);
    case Step::latest:
      return bytes_of(never);
    default:
      return bytes_of(int64_t{0});
  }
}

Step step_of(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::sum:
    case Aggregate::mean:
      return Step::sum;
    case Aggregate::min:
      return Step::min;
    case Aggregate::max:
      return Step::max;
    case Aggregate::first:
      return Step::first;
    case Aggregate::last:
      return Step::last;
    case Aggregate::distinct:
      return Step::distinct;
    case Aggregate::time_since:
    case Aggregate::hour:
    case Aggregate::month:
    case Aggregate::weekend:
      return Step::latest;
    default:
      return Step::count;
  }
}

Problem too_many(std::string_view field, std::string_view what, size_t limit) {
  return Problem(Error::bad_configuration, std::string(field),
                 fmt::format("more than {} {} in all", limit, what));
}

}  // namespace

PlanBuilder::PlanBuilder() : plan_(std::make_shared<Plan>()) {
  for (KindPlan& kind : plan_->kinds_) kind.blank.assign(sizeof(RowHead), '\0');
}

Result<Done> PlanBuilder::add(const Definition& definition) {
  Result<ParsedDefinition> parsed = parse_definition(definition);
  if (!parsed) return parsed.problem();
  auto index = static_cast<size_t>(parsed->kind);
  if (!names_[index].insert(parsed->text.name).second) {
    return Problem(Error::bad_configuration, "name", "is already defined for this entity");
  }
  KindPlan& kind = plan_->kinds_[index];
  if (kind.outputs.size() == limits::feature_definitions_max) {
    return too_many("name", "definitions of one entity", limits::feature_definitions_max);
  }
  Output output;
  TRY_DONE(compile(*parsed, output));
  plan_->definitions_.push_back(output.text);
  kind.outputs.push_back(std::move(output));
  return Done{};
}

void PlanBuilder::carry(const Plan& coming) {
  for (const Field& wanted : coming.fields()) {
    if (wanted.number != 0) (void)number_slot(wanted.name);
    if (wanted.identity != 0) (void)identity_slot(wanted.name, "value");
  }
}

Result<Done> PlanBuilder::compile(const ParsedDefinition& parsed, Output& output) {
  output.text = parsed.text;
  output.aggregate = parsed.aggregate;
  output.window = parsed.window;
  Result<uint64_t> plus = clause_bits(parsed.clauses, false);
  if (!plus) return plus.problem();
  Result<uint64_t> minus = clause_bits(parsed.clauses, true);
  if (!minus) return minus.problem();
  Result<Value> value = value_of(parsed);
  if (!value) return value.problem();
  output.plus = *plus;
  output.minus = *minus;
  KindPlan& kind = plan_->kinds_[static_cast<size_t>(parsed.kind)];
  parsed.window == Window::all_time ? place_all_time(kind, output, *value)
                                    : place_window(kind, output, *value);
  return Done{};
}

Result<uint64_t> PlanBuilder::clause_bits(const std::vector<ClauseText>& clauses, bool minus) {
  uint64_t bits = 0;
  for (const ClauseText& clause : clauses) {
    if (clause.minus != minus) continue;
    Result<uint8_t> bit = clause_bit(clause);
    if (!bit) return bit.problem();
    bits |= uint64_t{1} << *bit;
  }
  return bits;
}

Result<uint8_t> PlanBuilder::clause_bit(const ClauseText& text) {
  ClauseText plain = text;
  plain.minus = false;
  auto known = clause_bits_.find(plain.text());
  if (known != clause_bits_.end()) return known->second;
  if (plan_->clauses_.size() == limits::feature_clauses_max) {
    return too_many("events", "different clauses", limits::feature_clauses_max);
  }
  Clause clause{text.type, 0, text.field.empty() ? 0 : identity_of(text.equals)};
  if (!text.field.empty()) {
    Result<uint8_t> slot = identity_slot(text.field, "events");
    if (!slot) return slot.problem();
    clause.identity = *slot;
  }
  auto bit = static_cast<uint8_t>(plan_->clauses_.size());
  plan_->clauses_.push_back(std::move(clause));
  clause_bits_.emplace(plain.text(), bit);
  return bit;
}

Result<Field*> PlanBuilder::field(const std::string& name, std::string_view about) {
  uint32_t hash = field_hash(name);
  for (Field& known : plan_->fields_) {
    if (known.name == name) return &known;
    if (known.name_hash == hash) {
      return Problem(Error::bad_configuration, std::string(about),
                     fmt::format("fields {} and {} cannot be told apart; rename one", known.name, name));
    }
  }
  plan_->fields_.push_back({.name = name, .name_hash = hash, .otherwise = name == "quantity" ? 1.0 : nan});
  return &plan_->fields_.back();
}

Result<uint8_t> PlanBuilder::number_slot(const std::string& name) {
  Result<Field*> found = field(name, "value");
  if (!found) return found.problem();
  if ((*found)->number == 0) {
    if (numbers_ == limits::feature_fields_max)
      return too_many("value", "numbers", limits::feature_fields_max - 1);
    (*found)->number = numbers_++;
  }
  return (*found)->number;
}

Result<uint8_t> PlanBuilder::identity_slot(const std::string& name, std::string_view about) {
  Result<Field*> found = field(name, about);
  if (!found) return found.problem();
  if ((*found)->identity == 0) {
    if (identities_ == limits::feature_fields_max)
      return too_many(about, "texts", limits::feature_fields_max - 1);
    (*found)->identity = identities_++;
  }
  return (*found)->identity;
}

Result<PlanBuilder::Value> PlanBuilder::value_of(const ParsedDefinition& parsed) {
  if (parsed.field.empty()) return Value{};
  Result<uint8_t> a = parsed.aggregate == Aggregate::distinct ? identity_slot(parsed.field, "value")
                                                              : number_slot(parsed.field);
  if (!a) return a.problem();
  if (parsed.times.empty()) return Value{*a, 0};
  Result<uint8_t> b = number_slot(parsed.times);
  if (!b) return b.problem();
  return Value{*a, *b};
}

void PlanBuilder::place_all_time(KindPlan& kind, Output& output, Value value) {
  if (output.aggregate == Aggregate::seconds) {
    output.offset = dwell(kind, output.plus);
    kind.keeps_points = true;
    return;
  }
  output.offset = accumulator(kind, step_of(output.aggregate), output, value);
  if (output.aggregate == Aggregate::mean)
    output.offset_present = accumulator(kind, Step::present, output, value);
}

void PlanBuilder::place_window(KindPlan& kind, Output& output, Value value) {
  kind.keeps_points = true;
  kind.uses_window[static_cast<size_t>(output.window)] = true;
  if (value.a == 0) return;
  PointValue wanted{output.aggregate == Aggregate::distinct, value.a, value.b};
  auto same = [&](const PointValue& known) {
    return known.identity == wanted.identity && known.a == wanted.a && known.b == wanted.b;
  };
  auto at = std::find_if(kind.point_values.begin(), kind.point_values.end(), same);
  output.point_value = static_cast<uint8_t>(at - kind.point_values.begin());
  if (at == kind.point_values.end()) kind.point_values.push_back(wanted);
}

uint16_t PlanBuilder::accumulator(KindPlan& kind, Step step, const Output& output, Value value) {
  std::vector<Op>& ops = ops_[static_cast<size_t>(&kind - plan_->kinds_.data())];
  for (const Op& op : ops) {
    if (op.step == step && op.plus == output.plus && op.minus == output.minus && op.a == value.a &&
        op.b == value.b) {
      return op.offset;
    }
  }
  uint16_t offset = reserve(kind, initial_of(step));
  ops.push_back({output.plus, output.minus, step, value.a, value.b, offset});
  if (step == Step::distinct) kind.sketches.push_back(offset);
  return offset;
}

uint16_t PlanBuilder::dwell(KindPlan& kind, uint64_t plus) {
  for (const Dwell& known : kind.dwells) {
    if (known.plus == plus) return known.offset;
  }
  kind.dwells.push_back({plus, reserve(kind, initial_of(Step::count))});
  return kind.dwells.back().offset;
}

uint16_t PlanBuilder::reserve(KindPlan& kind, std::string_view initial) {
  auto offset = static_cast<uint16_t>(kind.blank.size());
  placed_[static_cast<size_t>(&kind - plan_->kinds_.data())].push_back({offset, static_cast<uint16_t>(initial.size())});
  kind.blank.append(initial);
  return offset;
}

}  // namespace headrace::features
