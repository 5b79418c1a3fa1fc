// Which rows an event changes, and reading one.
#include "src/features/engine.h"

#include "src/features/row.h"

namespace headrace::features {
FeatureEngine::FeatureEngine(std::shared_ptr<const Plan> plan, uint8_t first_table)
    : plan_(plan), fields_(std::move(plan)), first_table_(first_table) {}

void FeatureEngine::fold(EntityKind kind, const RowName& name, const Observation& seen, Lsn lsn,
                         Rows& rows) const {
  if (Row* row = rows.fold(name, lsn)) fold_row(plan_->kind(kind), seen, row->bytes);
}

void FeatureEngine::look_ahead(EntityKind kind, RowName& name, const Observation& seen, size_t step,
                               const Rows& rows) const {
  if (step == 0) return rows.expect_slot(name);
  if (step == 1) return rows.expect_row(name);
  if (name.expected == nullptr) return;
  if (step == 2) return expect_row(plan_->kind(kind), seen.type_code, name.expected->bytes);
  expect_parts(plan_->kind(kind), seen, name.expected->bytes);
}

void FeatureEngine::fold(const Event& event, const Observation& seen, KindMask kinds, Lsn lsn,
                         Rows& rows) const {
  for (EntityKind kind : all_kinds) {
    std::string_view key = key_of(event, kind);
    if (kinds & mask_of(kind) && !key.empty())
      fold(kind, name_of(kind, key), seen, lsn, rows);
  }
}

void FeatureEngine::fold(const Event& event, KindMask kinds, Lsn lsn, Rows& rows) {
  Observation seen;
  observe(event, seen);
  fold(event, seen, kinds, lsn, rows);
}

std::optional<FeatureVector> FeatureEngine::read(EntityKind kind, std::string_view key,
                                                 std::optional<Micros> as_of, const Rows& rows) const {
  const Row* row = rows.find(table_of(kind), key);
  if (row == nullptr || row->bytes.empty()) return std::nullopt;
  return read_row(plan_->kind(kind), row->bytes, as_of);
}

}  // namespace headrace::features
