// The fold payload: one event on its way to the home partition of another entity it names.
//
//   payload := version:u8(1) kind:u8 partition:varint lsn:varint time:varint(zigzag us) len-type type len-key
//   key
//              count:u8 count*field
//   field   := name:u32 (XXH3 of the field's name, low half) has:u8 [number:f64] [identity:u64]
//   has     := bit 0: a number follows, bit 1: an identity follows; integers are little-endian
//
// It names types and fields rather than numbers of a plan, so that old logs replay under new definitions.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "src/base/result.h"
#include "src/features/definition.h"
#include "src/features/observation.h"
#include "src/features/plan.h"

namespace headrace::features {

struct FoldPayload {
  EntityKind kind = EntityKind::cart;
  std::string_view key;
  uint64_t source_partition = 0;
  uint64_t source_lsn = 0;
};

// Appends the payload to `out`.
void encode_fold(const Plan& plan, const FoldPayload& head, const Observation& observation, std::string& out);

// Both views of the result and of `observation` point into `payload`. Error::storage_damaged where it is cut
// short.
Result<FoldPayload> decode_fold(const Plan& plan, std::string_view payload, Observation& observation);

// Kind and key only, for looking ahead. Nothing of it is checked beyond the bounds of `payload`.
std::pair<EntityKind, std::string_view> peek_fold(std::string_view payload);

}  // namespace headrace::features
