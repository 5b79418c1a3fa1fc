// Orders as records, and what they cover.
#include "src/events/erasure_order.h"

#include <algorithm>
#include <cstring>

#include "src/base/limits.h"
#include "src/events/event_fold.h"

namespace headrace {
namespace {

constexpr uint8_t erasure_type = 1;

}  // namespace

bool ErasureOrder::owns(features::EntityKind kind, std::string_view key) const {
  if (kind == features::EntityKind::user) return names(key);
  if (!covers(key)) return false;
  key = key_in(key);
  return std::ranges::binary_search(owned, subject.hash_of(kind, key)) || subject.is_in(key);
}

bool ErasureOrder::owns(const Event& event) const {
  if (!event.user.empty() && names(event.user)) return true;  // also who paid, whosever event it is
  if (!covers(event.id)) return false;
  for (std::string_view text : {key_in(event.id), event.type, event.source, key_in(event.session), key_in(event.cart)})
    if (subject.is_in(text)) return true;
  if (event.source == own_source && subject.is_in(event.data)) return true;
  if (!event.user.empty() && event.source != own_source) return false;  // the user of our own is who paid
  return (!event.session.empty() && owns(features::EntityKind::session, event.session)) ||
         (!event.cart.empty() && owns(features::EntityKind::cart, event.cart));
}

std::vector<std::string> ErasureOrder::payloads() const {
  std::vector<std::string> out;
  size_t at = 0;
  do {
    size_t count = std::min(owned.size() - at, limits::erasure_entities_max);
    std::string& payload = out.emplace_back();
    put_fixed(erasure_type, payload);
    put_fixed(ErasureOrder::version, payload);
    put_text(tenant, payload);
    subject.encode(payload);
    put_varint(count, payload);
    for (size_t i = 0; i < count; ++i) payload.append(owned[at + i].data(), owned[at + i].size());
    at += count;
  } while (at < owned.size());
  return out;
}

std::optional<ErasureOrder> ErasureOrder::decode(std::string_view payload) {
  Taker take(payload);
  if (take.fixed<uint8_t>() != erasure_type) return std::nullopt;
  auto said = take.fixed<uint8_t>();
  if (said != 1 && said != ErasureOrder::version) return std::nullopt;
  std::string tenant(said == 1 ? std::string_view() : take.text());
  auto subject = Subject::decode(take);
  if (!subject) return std::nullopt;
  ErasureOrder order{.tenant = std::move(tenant), .subject = *subject};
  uint64_t count = take.varint();
  if (count > limits::erasure_entities_max) return std::nullopt;
  for (uint64_t i = 0; i < count; ++i) order.owned.push_back(take.fixed<EntityHash>());
  return take.failed() || !take.rest().empty() ? std::nullopt : std::optional(std::move(order));
}

}  // namespace headrace
