// ErasureOrder: what is to be erased, as the log has it: a control record in every partition, by which replay
// erases the same rows again.
//
//   order := type:u8(1) version:u8(2) len-tenant tenant subject count:varint entity-hash:16 *     ascending
//
// Version 1 has no tenant. An order is about what one tenant calls the person, or the platform: another's "u1" is another
// person. Subject and hashes are of the keys as they call them.
//
// A person with more carts and sessions than fit into a record has several.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/event.h"
#include "codec/scoped_key.h"
#include "src/events/erasure_subject.h"

namespace headrace {

struct ErasureOrder {
  static constexpr uint8_t version = 2;
  std::string tenant = {};  // empty: of the platform
  Subject subject;
  std::vector<EntityHash> owned = {};  // carts and sessions that were the person's alone; ascending

  // Whether the scoped key is one of the tenant's.
  bool covers(std::string_view key) const { return tenant_in(key) == tenant; }
  // Whether an event's user is the person.
  bool names(std::string_view user) const { return covers(user) && subject.names(key_in(user)); }
  // Whether the entity is the person's, or has them in its name.
  bool owns(features::EntityKind kind, std::string_view key) const;
  // Whether the event is the person's: of them, of nobody but within what they own, or with them in its
  // envelope.
  bool owns(const Event& event) const;

  std::vector<std::string> payloads() const;  // of records, together all of it
  static std::optional<ErasureOrder> decode(std::string_view payload);
};

}  // namespace headrace
