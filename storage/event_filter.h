// EventFilter: which events are asked for. Queries test events with it, the index of a segment leaves out frames by it.
#pragma once

#include <optional>
#include <string>

#include "codec/event.h"
#include "codec/scoped_key.h"

namespace headrace {

struct EventFilter {
  std::string tenant;                         // whose events; empty: everybody's
  std::string id, type, user, session, cart;  // empty: any; keys are scoped
  std::optional<Micros> start, end;           // event time, start <= time < end

  bool matches(const Event& event) const {
    auto fits = [](const std::string& want, std::string_view has) { return want.empty() || want == has; };
    if (!fits(type, event.type) || !fits(user, event.user) || !fits(session, event.session)) return false;
    if (!fits(cart, event.cart) || !fits(id, event.id) || !fits(tenant, tenant_in(event.id))) return false;
    return (!start || event.time >= *start) && (!end || event.time < *end);
  }
};

// Of the entities that a credential of `tenant` (empty: of the platform) names.
inline EventFilter events_of(std::string_view tenant, const std::optional<std::string>& user,
                             const std::optional<std::string>& session, const std::optional<std::string>& cart) {
  EventFilter filter;
  filter.tenant = tenant;
  filter.user = scoped(tenant, user.value_or("")), filter.session = scoped(tenant, session.value_or(""));
  filter.cart = scoped(tenant, cart.value_or(""));
  return filter;
}

}  // namespace headrace
