// Plan: definitions compiled once into clauses, field slots, a row layout and a small program per event type.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/features/definition.h"
#include "src/features/observation.h"
#include "src/features/word_table.h"

namespace headrace::features {

// A field that some definition needs. Slots count from 1; number slot 0 is the constant 1, identity slot 0 is
// nobody's.
struct Field {
  std::string name;        // the canonical spelling
  uint32_t name_hash = 0;  // what a fold payload calls it
  uint8_t number = 0;      // slot, or 0 where no definition needs it as a number
  uint8_t identity = 0;    // slot, or 0 where no definition compares or counts it
  double otherwise = 0;    // the number where the event has none (NaN, but 1 for quantity)
};

// A test on events; its index in the plan is its bit in Observation::matched.
struct Clause {
  std::string type;      // canonical, or "*"
  uint8_t identity = 0;  // slot that must hold `equals`; 0: no such test
  uint64_t equals = 0;
};

enum class Step : uint8_t { count, sum, present, min, max, first, last, latest, distinct };

// One accumulator of a row and how an event changes it.
struct Op {
  uint64_t plus = 0, minus = 0;  // clauses that add, clauses that subtract
  Step step = Step::count;
  uint8_t a = 0, b = 0;  // number slots whose product is the value; for distinct, a is an identity slot
  uint16_t offset = 0;   // of the accumulator in the row
};

// What an event of one type can change, sorted by how it is done.
struct Program {
  std::vector<Op> counts, latests, distincts, values;
  uint32_t lines = 0;  // bit i: some of it stands in the row's i-th 64 bytes
};

// Gaps after events that match `plus` are summed at `offset`, in microseconds.
struct Dwell {
  uint64_t plus = 0;
  uint16_t offset = 0;
};

// A value that windows need of each recent event.
struct PointValue {
  bool identity = false;
  uint8_t a = 0, b = 0;
};

// One definition, compiled: where its value is read from.
struct Output {
  Definition text;  // normalised
  Aggregate aggregate = Aggregate::count;
  Window window = Window::all_time;
  uint64_t plus = 0, minus = 0;
  uint16_t offset = 0;          // all time: its accumulator
  uint16_t offset_present = 0;  // all-time mean: the accumulator of how many values there were
  uint8_t point_value = 0;      // window: index of its value in a point
};

struct KindPlan {
  std::vector<Output> outputs;
  std::vector<Program> programs;  // by type code
  std::vector<Dwell> dwells;
  std::vector<uint16_t> sketches;  // offsets of the distinct accumulators, in the order of their sections
  std::vector<PointValue> point_values;
  std::vector<uint8_t> point_clauses;  // those that windows and dwells ask for, ascending: a point remembers no others
  std::string blank;  // a row before its first event: head and accumulators
  bool keeps_points = false;
  std::array<bool, window_kinds> uses_window{};

  // A point (row.h): its time, its clauses, its values.
  static constexpr size_t point_time_bytes = 5;
  size_t point_mask_bytes() const { return (point_clauses.size() + 7) / 8; }
  size_t point_bytes() const { return point_time_bytes + point_mask_bytes() + 8 * point_values.size(); }
};

class Plan {
 public:
  // Error::bad_configuration, its field "features[i].events" and the like, where a definition breaks a rule.
  // Events are also read for the fields that `coming` needs, where there is room, so that folds carry them.
  static Result<std::shared_ptr<const Plan>> compile(std::span<const Definition> definitions,
                                                     const Plan* coming = nullptr);

  const KindPlan& kind(EntityKind kind) const { return kinds_[static_cast<size_t>(kind)]; }
  std::span<const Definition> definitions() const { return definitions_; }  // normalised, as given
  std::span<const Field> fields() const { return fields_; }
  const Observation& blank() const { return blank_; }  // an event without any field
  std::span<const Clause> clauses() const { return clauses_; }

  // Index of the definition called `name`, for models that ask for features by name.
  std::optional<size_t> index_of(EntityKind kind, std::string_view name) const;

  // Which of the plan's words for types this is, from 1 on; 0 for a type that no clause names.
  uint8_t type_spelling(std::string_view type) const { return spellings_.find(type); }
  size_t type_spellings() const { return type_codes_.size(); }  // 0 included
  // Synonyms share a code.
  uint8_t type_code(uint8_t spelling) const { return type_codes_[spelling]; }

  // Which clauses an event of this type with these identities matches.
  uint64_t match(uint8_t type_code, std::span<const uint64_t> identity) const;

  // Changes with every definition and with the layout of rows: rows made under another digest must be
  // rebuilt.
  uint64_t definition_digest() const { return digest_; }

 private:
  friend class PlanBuilder;

  struct Conditional {
    uint64_t bit;
    uint8_t identity;
    uint64_t equals;
  };
  struct TypeRow {
    std::string name;
    uint64_t certain = 0;  // clauses that ask for no field
    std::vector<Conditional> conditionals;
  };

  void index_types();
  void index_spelling(std::string_view spelling, uint8_t code);

  std::vector<Definition> definitions_;
  std::array<KindPlan, entity_kinds> kinds_;
  std::vector<Field> fields_;
  Observation blank_;
  std::vector<Clause> clauses_;
  std::vector<TypeRow> types_;          // by type code; row 0 is every other type
  WordTable spellings_;                 // of types, synonyms among them
  std::vector<uint8_t> type_codes_{0};  // by spelling
  uint64_t digest_ = 0;
};

}  // namespace headrace::features
