// Words of settings become the enums of the parts: the order of a row's words is that of its enum.
#include "src/server/live_rules.h"

#include <algorithm>

namespace headrace {
namespace {

template <class E>
E enum_of(const LiveSettings& live, SettingId id) {
  auto words = setting_rows()[static_cast<size_t>(id)].words;
  return static_cast<E>(std::ranges::find(words, live.value(id).word) - words.begin());
}

}  // namespace

Level log_level(const LiveSettings& live) { return enum_of<Level>(live, SettingId::log_level); }

AccessRules access_rules(const LiveSettings& live) {
  return {enum_of<AccessLines>(live, SettingId::log_access), live.integer(SettingId::log_slow_request_ms) * 1000};
}

PredictionRules prediction_rules(const LiveSettings& live) {
  return {live.integer(SettingId::predictions_cache_s) * second_us,
          live.value(SettingId::predictions_risk_threshold).number};
}

}  // namespace headrace
