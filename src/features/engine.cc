// Which rows an event changes, and reading one.
#include "src/features/engine.h"

#include "src/features/row.h"

namespace headrace::features {
namespace {

std::string_view key_of(const Event& event, EntityKind kind) {
  switch (kind) {
    case EntityKind::cart:
      return event.cart;
    case EntityKind::user:
      return event.user;
    case EntityKind::session:
      return event.session;
  }
  return {};
}

}  // namespace

FeatureEngine::FeatureEngine(std::shared_ptr<const Plan> plan, uint8_t first_table)
    : plan_(plan), fields_(std::move(plan)), first_table_(first_table) {}

Row* FeatureEngine::find(EntityKind kind, std::string_view key, Lsn lsn, Rows& rows) const {
  return rows.fold(static_cast<uint8_t>(first_table_ + static_cast<uint8_t>(kind)), key, lsn);
}

// All rows are found before the first is changed, so that the memory of one comes while another is looked
// for.
void FeatureEngine::fold(const Event& event, const Observation& seen, KindMask kinds, Lsn lsn,
                         Rows& rows) const {
  std::array<Row*, entity_kinds> found{};
  for (size_t i = 0; i < entity_kinds; ++i) {
    auto kind = static_cast<EntityKind>(i);
    std::string_view key = key_of(event, kind);
    if (!(kinds & mask_of(kind)) || key.empty()) continue;
    found[i] = find(kind, key, lsn, rows);
    if (found[i] != nullptr) prefetch_row(plan_->kind(kind), found[i]->bytes);
  }
  for (size_t i = 0; i < entity_kinds; ++i) {
    if (found[i] != nullptr) fold_row(plan_->kind(static_cast<EntityKind>(i)), seen, found[i]->bytes);
  }
}

void FeatureEngine::fold(const Event& event, KindMask kinds, Lsn lsn, Rows& rows) {
  Observation seen;
  observe(event, seen);
  fold(event, seen, kinds, lsn, rows);
}

Result<FoldPayload> FeatureEngine::fold_encoded(std::string_view payload, Lsn lsn, Rows& rows) {
  Observation seen;
  Result<FoldPayload> head = decode_fold(*plan_, payload, seen);
  if (!head) return head;
  Row* row = find(head->kind, head->key, lsn, rows);
  if (row != nullptr) fold_row(plan_->kind(head->kind), seen, row->bytes);
  return head;
}

std::optional<FeatureVector> FeatureEngine::read(EntityKind kind, std::string_view key,
                                                 std::optional<Micros> as_of, const Rows& rows) const {
  const Row* row = rows.find(static_cast<uint8_t>(first_table_ + static_cast<uint8_t>(kind)), key);
  if (row == nullptr || row->bytes.empty()) return std::nullopt;
  return read_row(plan_->kind(kind), row->bytes, as_of);
}

}  // namespace headrace::features
