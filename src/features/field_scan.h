// Reads wanted fields from a JSON object by hopping from quote to quote.
//
// Per event simdjson's on-demand parser takes three times as long here: most of the fields are not wanted,
// and intake has already judged the JSON, so that finding the ends of texts is all there is to do. Objects
// with escapes go to the parser.
#pragma once

#include <span>
#include <string_view>

#include "codec/event.h"
#include "src/features/field_table.h"

namespace headrace::features {

// False where it met a backslash: what it took until then may be wrong. Where `data` is no JSON object after
// all, the fields before that place count.
bool scan_fields(std::string_view data, const FieldTable& table, Observation& seen);

// The same from what the reader of the event kept.
void take_members(std::span<const EventMember> members, const FieldTable& table, Observation& seen);

// The number a JSON token says, correctly rounded; NaN where it is none or is infinite.
double number_of(std::string_view token);

}  // namespace headrace::features
