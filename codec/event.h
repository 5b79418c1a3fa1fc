// One event: the envelope every producer's message becomes, and its form inside a log record.
//
//   payload := flags:u8 time:varint(zigzag us) len-id id  len-type type  len-source source
//              [user] [session] [cart]  data...
//   user, session, cart := len-x x, or, where data says it: offset len-x, of its bytes in data
//   len-x, offset := varint; flags bit 0 user, bit 1 session, bit 2 cart present; bits 3 to 5: where data says
//   them; data is the rest: a JSON object.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"

namespace headrace {

// A member of an event's data, at its top level: its key and the JSON text of its value, neither with an escape.
struct EventMember {
  std::string_view key, value;
};

// Views into bytes owned by somebody else (a request body or a log record): copy what must outlive them.
struct Event {
  std::string_view id;
  std::string_view type;    // e.g. "page_view"; also the topic: "events.<type>"
  std::string_view source;  // who produced it, e.g. "producer-service"
  std::string_view user = {}, session = {}, cart = {};  // keys of the entities it names; empty where it names none
  std::string_view data;    // a JSON object, as sent
  Micros time = 0;          // event time, UTC
  std::span<const EventMember> members = {};  // of `data`, all of them, where its reader kept them; else none

  // The entity whose partition is the home of the event: user, else session, else cart, else the event id.
  std::string_view routing_key() const {
    return !user.empty() ? user : !session.empty() ? session : !cart.empty() ? cart : id;
  }
};

// Appends the payload of `event` to `out`.
void encode(const Event& event, std::string& out);

// The event inside `payload`; its views point into `payload`. Error::storage_damaged where it is cut short.
Result<Event> decode_event(std::string_view payload);

}  // namespace headrace
