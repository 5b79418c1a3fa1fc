// A row per setting, in the order of SettingId.
#include "src/settings/setting_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "codec/json.h"
#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr std::string_view levels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view lines[] = {"off", "errors", "all"};
constexpr std::string_view services[] = {"core-platform", "event-pipeline", "ai-engine", "intervention-engine",
                                         "data-platform", "monitoring",     "scheduler"};

constexpr double rate_max = limits::rate_count_max;

using enum SettingKind;
constexpr std::array<SettingRow, setting_count> table = {{
    {"log.level", "core-platform", word, false, 0, 0, levels, {0, "info"}, "Lines below this level are not written"},
    {"log.access", "core-platform", word, false, 0, 0, lines, {0, "errors"}, "Which finished requests have a line in the log"},
    {"log.slow_request_ms", "core-platform", integer, false, 0, 3'600'000, {}, {1000},
     "A request that took longer has a line as if it had failed; 0: none is slow"},
    {"events.batch_max", "event-pipeline", integer, true, 1, limits::batch_events_max, {}, {limits::batch_events_max},
     "Events that one batch may bring"},
    {"predictions.batch_max", "ai-engine", integer, true, 1, limits::predict_batch_max, {}, {limits::predict_batch_max},
     "Carts that one batch may ask for"},
    {"predictions.cache_s", "ai-engine", integer, false, 0, 86'400, {}, {3600},
     "Seconds for which an answer may be given again if no event changed its cart; 0: never"},
    {"predictions.risk_threshold", "ai-engine", number, false, 0, 1, {}, {0},
     "From this probability on a prediction counts as at risk; 0: the model's own threshold"},
    {"http.server_timing", "core-platform", integer, false, 0, 1, {}, {0}, "1: every answer says how long it took (Server-Timing)"},
    {"rates.api_key", "core-platform", integer, true, 0, rate_max, {}, {1000}, "Requests of an API key in an hour; 0: no limit"},
    {"rates.user", "core-platform", integer, true, 0, rate_max, {}, {5000}, "Requests of a person in an hour; 0: no limit"},
    {"rates.address", "core-platform", integer, true, 0, rate_max, {}, {100}, "Requests without a credential from an address in an hour; 0: no limit"},
    {"rates.predictions", "core-platform", integer, true, 0, rate_max, {}, {200}, "Predictions of a client in an hour; 0: no limit"},
    {"rates.learning", "core-platform", integer, true, 0, rate_max, {}, {100}, "Requests to /api/v1 of a client in a minute; 0: no limit"},
    {"rates.events", "core-platform", integer, true, 0, rate_max, {}, {1000}, "Requests of a producer in a minute; 0: no limit"},
    {"rates.event_batches", "core-platform", integer, true, 0, rate_max, {}, {100}, "Batches of a producer in a minute; 0: no limit"},
    {"rates.simulations", "core-platform", integer, true, 0, rate_max, {}, {10}, "Simulations of a producer in a minute; 0: no limit"},
    {"rates.uploads", "core-platform", integer, true, 0, rate_max, {}, {10}, "Files that a client uploads in an hour; 0: no limit"},
}};

// Of a JSON value: "inf" and the like, which from_chars would take, are none.
std::optional<double> number_in(std::string_view json, SettingKind kind) {
  double value = 0;
  const char* last = json.data() + json.size();
  auto [end, code] = std::from_chars(json.data(), last, value);
  if (code != std::errc() || end != last || (kind == integer && json.find_first_of(".eE") != json.npos)) return std::nullopt;
  return value;
}

std::string words_of(const SettingRow& row) {
  std::string out;
  for (std::string_view one : row.words) out.append(out.empty() ? "" : ", ").append(one);
  return out;
}

}  // namespace

std::span<const SettingRow, setting_count> setting_rows() { return table; }

std::optional<SettingId> find_setting(std::string_view name) {
  auto found = std::ranges::find(table, name, &SettingRow::name);
  if (found == table.end()) return std::nullopt;
  return static_cast<SettingId>(found - table.begin());
}

std::string_view name_of(SettingKind kind) {
  constexpr std::string_view names[] = {"integer", "number", "word"};
  return names[static_cast<size_t>(kind)];
}

bool is_service(std::string_view name) { return std::ranges::find(services, name) != std::end(services); }

Result<SettingValue> read_setting(const SettingRow& row, std::string_view json) {
  if (row.kind == word) {
    for (std::string_view one : row.words)
      if (json.size() == one.size() + 2 && json.front() == '"' && json.substr(1, one.size()) == one)
        return SettingValue{0, one};
    return Problem{Error::invalid_input, std::string(row.name), "must be one of " + words_of(row)};
  }
  auto number = number_in(json, row.kind);
  if (!number || *number < row.min || *number > row.max)
    return Problem{Error::invalid_input, std::string(row.name),
                   fmt::format("must be {} between {} and {}", row.kind == integer ? "an integer" : "a number", row.min, row.max)};
  return SettingValue{*number, {}};
}

std::string write_setting(const SettingRow& row, const SettingValue& value) {
  std::string out;
  if (row.kind == word)
    append_json_string(value.word, out);
  else
    append_json_number(value.number, out);
  return out;
}

SettingValue word_setting(SettingId id, std::string_view word) {
  const SettingRow& row = table[static_cast<size_t>(id)];
  auto found = std::ranges::find(row.words, word);
  CHECK(found != row.words.end());
  return {0, *found};
}

}  // namespace headrace
