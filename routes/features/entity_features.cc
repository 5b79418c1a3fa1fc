// From slots to names.
#include "routes/features/entity_features.h"

#include <cmath>

#include "codec/scoped_key.h"

namespace headrace {

EntityFeatures entity_features(features::EntityKind kind, std::string_view key, const features::FeatureVector& vector,
                               const features::Plan& plan) {
  EntityFeatures out;
  auto& outputs = plan.kind(kind).outputs;
  for (size_t i = 0; i < vector.count; ++i)
    if (!std::isnan(vector.slots[i])) out.features.emplace(outputs[i].text.name, vector.slots[i]);
  out.cart_id = key_in(key), out.entity = features::name_of(kind);
  out.events = static_cast<int64_t>(vector.events), out.recent_events = vector.points;
  out.first_event.us = vector.first_time, out.last_event.us = vector.last_time, out.as_of.us = vector.as_of;
  out.window_truncated = vector.window_truncated;
  return out;
}

}  // namespace headrace
