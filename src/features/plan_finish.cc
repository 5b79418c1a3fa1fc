// The last steps of compiling: programs per event type, the blank row, the digest.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <map>

#include "src/features/bits.h"
#include "src/features/plan_builder.h"
#include "src/features/row.h"
#include "src/features/words.h"

namespace headrace::features {
namespace {

std::vector<Op>& part_of(Program& program, Step step) {
  switch (step) {
    case Step::count:
      return program.counts;
    case Step::latest:
      return program.latests;
    case Step::distinct:
      return program.distincts;
    default:
      return program.values;
  }
}

}  // namespace

Result<std::shared_ptr<const Plan>> PlanBuilder::finish() {
  finish_blank();
  finish_types();
  finish_digest();
  for (size_t i = 0; i < entity_kinds; ++i) finish_kind(i);
  return std::shared_ptr<const Plan>(plan_);
}

void PlanBuilder::finish_blank() {
  Observation& blank = plan_->blank_;
  blank.number.fill(std::numeric_limits<double>::quiet_NaN());
  blank.number[0] = 1;
  for (const Field& field : plan_->fields_) {
    if (field.number != 0) blank.number[field.number] = field.otherwise;
  }
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

uint64_t PlanBuilder::possible_of(const Plan::TypeRow& type) {
  uint64_t possible = type.certain;
  for (const auto& conditional : type.conditionals) possible |= conditional.bit;
  return possible;
}

// How many types of events change it. Dwell is of the gap before an event, of whatever type.
size_t PlanBuilder::heat_of(size_t index, uint16_t offset) const {
  size_t heat = 0;
  for (const Op& op : ops_[index])
    if (op.offset == offset)
      for (const Plan::TypeRow& type : plan_->types_) heat += ((op.plus | op.minus) & possible_of(type)) != 0;
  for (const Dwell& dwell : plan_->kinds_[index].dwells)
    if (dwell.offset == offset) heat = plan_->types_.size();
  return heat;
}

// What many types of events change stands in front, so that most events touch few lines of a row.
void PlanBuilder::order_accumulators(size_t index) {
  KindPlan& kind = plan_->kinds_[index];
  std::vector<Placed> order = placed_[index];
  for (Placed& one : order) one.heat = heat_of(index, one.offset);
  std::ranges::stable_sort(order, std::greater(), &Placed::heat);
  std::string blank = kind.blank.substr(0, sizeof(RowHead));
  std::map<uint16_t, uint16_t> moved;
  for (const Placed& one : order) {
    moved[one.offset] = static_cast<uint16_t>(blank.size());
    blank.append(kind.blank, one.offset, one.bytes);
  }
  auto move = [&](uint16_t& offset) {
    if (offset != 0) offset = moved.at(offset);  // 0: a window's, which has none
  };
  for (Op& op : ops_[index]) move(op.offset);
  for (Dwell& dwell : kind.dwells) move(dwell.offset);
  for (uint16_t& sketch : kind.sketches) move(sketch);
  for (Output& output : kind.outputs) move(output.offset), move(output.offset_present);
  if (!kind.sketches.empty()) {  // they stand behind it, on lines of cache
    constexpr size_t line = row_memory::line_bytes;
    blank.resize((blank.size() + line - 1) / line * line, '\0');
  }
  kind.blank = std::move(blank);
}

uint32_t PlanBuilder::lines_of(const KindPlan& kind, const Program& program) {
  uint32_t lines = 1;  // the head
  auto note = [&](uint16_t offset) { lines |= uint32_t{1} << std::min(offset / 64, 31); };
  for (auto* ops : {&program.counts, &program.latests, &program.distincts, &program.values})
    for (const Op& op : *ops) note(op.offset);
  for (const Dwell& dwell : kind.dwells) note(dwell.offset);
  return lines;
}

void PlanBuilder::choose_point_clauses(KindPlan& kind) {
  uint64_t asked = 0;
  for (const Output& output : kind.outputs)
    if (output.window != Window::all_time) asked |= output.plus | output.minus;
  for (const Dwell& dwell : kind.dwells) asked |= dwell.plus;
  for (; asked != 0; asked &= asked - 1) kind.point_clauses.push_back(static_cast<uint8_t>(std::countr_zero(asked)));
}

// Every type gets the accumulators that some event of that type can change.
void PlanBuilder::finish_kind(size_t index) {
  KindPlan& kind = plan_->kinds_[index];
  order_accumulators(index);
  choose_point_clauses(kind);
  for (const Plan::TypeRow& type : plan_->types_) {
    uint64_t possible = possible_of(type);
    Program& program = kind.programs.emplace_back();
    for (const Op& op : ops_[index]) {
      if ((op.plus | op.minus) & possible) part_of(program, op.step).push_back(op);
    }
    program.lines = lines_of(kind, program);
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
  // Rows hold which clauses an event matched by number: the order of definitions decides about that.
  for (const Clause& clause : plan_->clauses_)
    text += fmt::format("{} {} {}\n", clause.type, clause.identity, clause.equals);
  for (const Synonym& synonym : type_synonyms()) text += fmt::format("{}={}\n", synonym.said, synonym.meant);
  for (const Synonym& synonym : field_synonyms()) text += fmt::format("{}={}\n", synonym.said, synonym.meant);
  plan_->digest_ = XXH3_64bits(text.data(), text.size());
}

}  // namespace headrace::features
