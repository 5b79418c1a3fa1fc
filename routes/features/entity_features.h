// EntityFeatures: the features of one entity as they are answered and printed.
#pragma once

#include <map>
#include <string>

#include "codec/json.h"
#include "codec/shape.h"
#include "src/features/plan.h"
#include "src/features/vector.h"

namespace headrace {

inline constexpr auto entity_words = "The kind of entity";

struct EntityFeatures {
  std::string cart_id, entity;
  std::map<std::string, double> features;
  int64_t events = 0, recent_events = 0;
  Timestamp first_event, last_event, as_of;
  bool window_truncated = false;
  static constexpr auto shape() {
    return std::tuple{field("cart_id", &EntityFeatures::cart_id, "The cart (or user, or session)"),
                      field("entity", &EntityFeatures::entity, entity_words),
                      field("features", &EntityFeatures::features, "By name; what is not known is absent"),
                      field("events", &EntityFeatures::events, "Events folded in"),
                      field("recent_events", &EntityFeatures::recent_events,
                            "Events of the last seven days kept one by one"),
                      field("first_event", &EntityFeatures::first_event, "Time of the earliest event"),
                      field("last_event", &EntityFeatures::last_event, "Time of the latest event"),
                      field("as_of", &EntityFeatures::as_of, "The moment for windows"),
                      field("window_truncated", &EntityFeatures::window_truncated,
                            "True if a window reaches back past the events kept")};
  }
};

// `key` is scoped; its tenant knows who that is.
EntityFeatures entity_features(features::EntityKind kind, std::string_view key, const features::FeatureVector& vector,
                               const features::Plan& plan);

}  // namespace headrace
