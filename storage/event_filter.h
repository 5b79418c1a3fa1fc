// EventFilter: which events are asked for. Queries test events with it, the index of a segment leaves out frames by it.
#pragma once

#include <optional>
#include <string>

#include "codec/event.h"

namespace headrace {

struct EventFilter {
  std::string id, type, user, session, cart;  // empty: any
  std::optional<Micros> start, end;           // event time, start <= time < end

  bool matches(const Event& event) const {
    auto fits = [](const std::string& want, std::string_view has) { return want.empty() || want == has; };
    if (!fits(type, event.type) || !fits(user, event.user) || !fits(session, event.session)) return false;
    if (!fits(cart, event.cart) || !fits(id, event.id)) return false;
    return (!start || event.time >= *start) && (!end || event.time < *end);
  }
};

}  // namespace headrace
