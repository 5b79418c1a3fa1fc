// THE table of settings that live: what may be changed while the server runs, by whom it is used, and its range. No
// setting is a secret: those belong into the environment.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace headrace {

enum class SettingId : uint8_t {
  log_level,
  log_access,
  log_slow_request_ms,
  events_batch_max,
  predictions_batch_max,
  predictions_cache_s,
  predictions_risk_threshold,
  http_server_timing,
  rates_api_key,
  rates_user,
  rates_address,
  rates_predictions,
  rates_learning,
  rates_events,
  rates_event_batches,
  rates_simulations,
  rates_uploads,
};
inline constexpr size_t setting_count = 17;

enum class SettingKind : uint8_t { integer, number, word };

// A number, or one of the words of its row.
struct SettingValue {
  double number = 0;
  std::string_view word = {};
  bool operator==(const SettingValue&) const = default;
};
using SettingValues = std::array<SettingValue, setting_count>;

struct SettingRow {
  std::string_view name;
  std::string_view service;  // whose setting it is: that service may have a value of its own
  SettingKind kind;
  bool per_store;  // a store may have a value of its own
  double min, max;
  std::span<const std::string_view> words;
  SettingValue standard;  // where neither a scope nor the configuration at the start says
  std::string_view help;
};

std::span<const SettingRow, setting_count> setting_rows();
std::optional<SettingId> find_setting(std::string_view name);
std::string_view name_of(SettingKind kind);

// The documented services, which have a scope each.
bool is_service(std::string_view name);

// A value from its JSON text; a problem names the rule.
Result<SettingValue> read_setting(const SettingRow& row, std::string_view json);
std::string write_setting(const SettingRow& row, const SettingValue& value);
// The word of the row that reads so: with the table's own life.
SettingValue word_setting(SettingId id, std::string_view word);

}  // namespace headrace
