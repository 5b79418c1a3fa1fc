// Feature definitions: what a person writes down about a feature, as texts, and the words that may stand in
// them.
//
//   events := clause *( "|" clause )           an event counts when a clause matches it
//   clause := [ "-" ] type [ "[" field "=" text "]" ]
//   type   := an event type, or "*" for any;  "-": the event is subtracted (count and sum only)
//   value  := field [ "*" field ]              what is aggregated; "distinct" takes one field, of any scalar
//   type
//
// An event that matches both a plain and a subtracting clause of one definition is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace::features {

enum class EntityKind : uint8_t { cart, user, session };
inline constexpr EntityKind all_kinds[] = {EntityKind::cart, EntityKind::user, EntityKind::session};
inline constexpr size_t entity_kinds = std::size(all_kinds);

// A set of entity kinds, one bit each.
using KindMask = uint8_t;
constexpr KindMask mask_of(EntityKind kind) {
  return static_cast<KindMask>(1U << static_cast<unsigned>(kind));
}
inline constexpr KindMask every_kind = 0b111;

enum class Aggregate : uint8_t {
  count,  // events
  sum,    // of the value, exact to a millionth
  min,
  max,
  mean,        // of the values that were there
  first,       // value of the earliest event that has one
  last,        // value of the latest event that has one
  distinct,    // different values of a field
  time_since,  // seconds from the latest matching event to the time asked about
  rate,        // events per minute
  seconds,     // dwell: gaps from matching events to the entity's next event, each capped
  hour,        // of the latest matching event, UTC: 0-23
  month,       // 1-12
  weekend,     // 1 on Saturday and Sunday, else 0
};

enum class Window : uint8_t { all_time, five_minutes, hour, day, week, session };
inline constexpr size_t window_kinds = 6;

struct Definition {
  std::string entity;     // "cart", "user", "session"
  std::string name;       // lower-case letters, digits, "_"
  std::string aggregate;  // a name of Aggregate
  std::string events;     // "*", "add_to_cart | -remove_from_cart", "page_view[page_type=info]"
  std::string value;      // "price", "price*quantity"; empty where the aggregate takes none
  std::string window;     // "all_time", "5m", "1h", "24h", "7d", "session"
  std::string about;      // a sentence for the reader of the schema
};

// Definitions as one text, and back: what rows were made by is stored beside them (definition_json.cc).
std::string to_text(std::span<const Definition> definitions);
Result<std::vector<Definition>> definitions_of(std::string_view text);

// The set every server starts with (defaults.cc).
std::vector<Definition> default_definitions();

std::string_view name_of(EntityKind kind);
std::string_view name_of(Aggregate aggregate);
std::string_view name_of(Window window);

}  // namespace headrace::features
