// FeatureEngine: folds events into the rows of carts, users and sessions, and reads features from them.
//
// Operation: observe() parses an event once; fold() applies it to the rows whose home is this partition;
// encode_fold() makes the record that carries it to the home of another entity, where fold_encoded() applies
// it. read() evaluates the windows at any time. Lives on: one partition's loop (it owns a JSON parser).
// Limits: limits::feature_*.
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
#include "src/features/fold_payload.h"
#include "src/features/observation.h"
#include "src/features/plan.h"
#include "src/features/vector.h"
#include "storage/rows.h"

namespace headrace::features {

class FeatureEngine {
 public:
  // Rows of kind k live in table first_table + k.
  FeatureEngine(std::shared_ptr<const Plan> plan, uint8_t first_table);

  const Plan& plan() const { return *plan_; }

  // What the definitions see of `event`; `observation` borrows the type from it.
  void observe(const Event& event, Observation& observation) { fields_.extract(event, observation); }

  // Applies the event to the rows of the entities it names whose kinds are in `kinds`. A row that has seen
  // `lsn` skips it.
  void fold(const Event& event, const Observation& observation, KindMask kinds, Lsn lsn, Rows& rows) const;
  void fold(const Event& event, KindMask kinds, Lsn lsn, Rows& rows);

  // Where the row of an entity will be looked for: for Rows::expect_slot and the like.
  uint64_t row_hash(EntityKind kind, std::string_view key) const {
    return Rows::hash_of(static_cast<uint8_t>(first_table_ + static_cast<uint8_t>(kind)), key);
  }

  // Applies one fold payload. Error::storage_damaged where it is not one.
  Result<FoldPayload> fold_encoded(std::string_view payload, Lsn lsn, Rows& rows);

  // The features of an entity at `as_of`, by default the time of its latest event; nothing where none was
  // folded.
  std::optional<FeatureVector> read(EntityKind kind, std::string_view key, std::optional<Micros> as_of,
                                    const Rows& rows) const;

 private:
  Row* find(EntityKind kind, std::string_view key, Lsn lsn, Rows& rows) const;

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
