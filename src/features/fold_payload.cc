// The fold payload as bytes, and back.
#include "src/features/fold_payload.h"

#include <cmath>

#include "codec/varint.h"
#include "src/features/bits.h"

namespace headrace::features {
namespace {

constexpr uint8_t payload_version = 1;

enum Has : uint8_t { has_number = 1, has_identity = 2, has_all = 3 };

uint8_t has_of(const Field& field, const Observation& seen) {
  double value = seen.number[field.number];
  bool number = field.number != 0 && !std::isnan(value) && value != field.otherwise;
  bool identity = field.identity != 0 && seen.identity[field.identity] != 0;
  return static_cast<uint8_t>((number ? has_number : 0) | (identity ? has_identity : 0));
}

void put_field(const Field& field, const Observation& seen, std::string& out) {
  uint8_t has = has_of(field, seen);
  if (has == 0) return;
  put_fixed(field.name_hash, out);
  put_fixed(has, out);
  if (has & has_number) put_fixed(seen.number[field.number], out);
  if (has & has_identity) put_fixed(seen.identity[field.identity], out);
}

// A field that this plan does not know is passed over: the record was made under another plan.
void take_field(const Plan& plan, Taker& take, Observation& seen) {
  auto hash = take.fixed<uint32_t>();
  auto has = take.fixed<uint8_t>();
  double number = has & has_number ? take.fixed<double>() : 0;
  uint64_t identity = has & has_identity ? take.fixed<uint64_t>() : 0;
  for (const Field& field : plan.fields()) {
    if (field.name_hash != hash) continue;
    if (has & has_number && field.number != 0) seen.number[field.number] = number;
    if (has & has_identity && field.identity != 0) seen.identity[field.identity] = identity;
  }
}

void clear_fields(const Plan& plan, Observation& seen) {
  seen.number.fill(std::nan(""));
  seen.number[0] = 1;
  seen.identity.fill(0);
  for (const Field& field : plan.fields()) {
    if (field.number != 0) seen.number[field.number] = field.otherwise;
  }
}

}  // namespace

void encode_fold(const Plan& plan, const FoldPayload& head, const Observation& seen, std::string& out) {
  out.push_back(static_cast<char>(payload_version));
  out.push_back(static_cast<char>(head.kind));
  put_varint(head.source_partition, out);
  put_varint(head.source_lsn, out);
  put_varint(zigzag(seen.time), out);
  put_text(seen.type, out);
  put_text(head.key, out);
  size_t count_at = out.size();
  out.push_back(0);
  for (const Field& field : plan.fields()) {
    size_t before = out.size();
    put_field(field, seen, out);
    out[count_at] = static_cast<char>(out[count_at] + (out.size() > before));
  }
}

std::pair<EntityKind, std::string_view> peek_fold(std::string_view payload) {
  Taker take(payload);
  take.fixed<uint8_t>();
  auto kind = static_cast<EntityKind>(take.fixed<uint8_t>());
  for (int skipped = 0; skipped < 3; ++skipped) take.varint();  // partition, LSN, time
  take.text();                                                  // type
  return {kind, take.text()};
}

Result<FoldPayload> decode_fold(const Plan& plan, std::string_view payload, Observation& seen) {
  Taker take(payload);
  FoldPayload head;
  auto version = take.fixed<uint8_t>();
  auto kind = take.fixed<uint8_t>();
  head.kind = static_cast<EntityKind>(kind);
  head.source_partition = take.varint();
  head.source_lsn = take.varint();
  seen.time = within_time(unzigzag(take.varint()));
  seen.type = take.text();
  head.key = take.text();
  clear_fields(plan, seen);
  for (auto left = take.fixed<uint8_t>(); left > 0; --left) take_field(plan, take, seen);
  bool whole = !take.failed() && take.rest().empty();
  if (!whole || version != payload_version || kind >= entity_kinds || head.key.empty()) {
    return Problem(Error::storage_damaged, "fold", "The payload is not a fold");
  }
  seen.type_code = plan.type_code(seen.type);
  seen.matched = plan.match(seen.type_code, seen.identity);
  return head;
}

}  // namespace headrace::features
