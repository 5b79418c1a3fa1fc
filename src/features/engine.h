// FeatureEngine: folds events into the rows of carts, users and sessions, and reads features from them.
//
// Operation: observe() parses an event once; fold() applies it to the rows whose home is this partition.
// Folds (fold_payload.h) carry what it saw to the homes of other entities. read() evaluates the windows at
// any time. Lives on: one partition's loop (it owns a JSON parser). Limits: limits::feature_*.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/event.h"
#include "src/base/result.h"
#include "src/features/definition.h"
#include "src/features/field_index.h"
#include "src/features/observation.h"
#include "src/features/plan.h"
#include "src/features/vector.h"
#include "storage/rows.h"

namespace headrace::features {

// The entity of that kind which the event names; empty where it names none.
inline std::string_view key_of(const Event& event, EntityKind kind) {
  return kind == EntityKind::cart ? event.cart : kind == EntityKind::user ? event.user : event.session;
}

class FeatureEngine {
 public:
  // Rows of kind k live in table first_table + k.
  FeatureEngine(std::shared_ptr<const Plan> plan, uint8_t first_table);

  const Plan& plan() const { return *plan_; }

  // What the definitions see of `event`; `observation` borrows the type from it.
  void observe(const Event& event, Observation& observation) { fields_.extract(event, observation); }

  // Applies an event to the row of one entity. A row that has seen `lsn` skips it.
  void fold(EntityKind kind, const RowName& name, const Observation& observation, Lsn lsn, Rows& rows) const;
  // To the rows of the entities it names whose kinds are in `kinds`.
  void fold(const Event& event, const Observation& observation, KindMask kinds, Lsn lsn, Rows& rows) const;
  void fold(const Event& event, KindMask kinds, Lsn lsn, Rows& rows);

  // Looking ahead: asks for the memory that fold() will touch, in steps 0 to look_ahead_steps - 1: where the row is, its head, its
  // bytes, the places in them that depend on what they say.
  static constexpr size_t look_ahead_steps = 4;
  void look_ahead(EntityKind kind, RowName& name, const Observation& seen, size_t step, const Rows& rows) const;

  uint8_t table_of(EntityKind kind) const {
    return static_cast<uint8_t>(first_table_ + static_cast<uint8_t>(kind));
  }
  RowName name_of(EntityKind kind, std::string_view key) const {
    return Rows::name_of(table_of(kind), key);
  }

  // The features of an entity at `as_of`, by default the time of its latest event; nothing where none was
  // folded.
  std::optional<FeatureVector> read(EntityKind kind, std::string_view key, std::optional<Micros> as_of,
                                    const Rows& rows) const;

 private:
  std::shared_ptr<const Plan> plan_;
  FieldIndex fields_;
  uint8_t first_table_;
};

}  // namespace headrace::features

// What the rest of the program names without the folder.
namespace headrace {
using features::EntityKind;
using features::FeatureEngine;
using features::FeatureVector;
using features::KindMask;
using features::Observation;
}  // namespace headrace
