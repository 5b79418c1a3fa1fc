// The program's own log: one JSON object per line on stderr, control characters escaped, secrets never given to it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace headrace {

enum class Level : uint8_t { debug, info, warning, error };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;
};

// {"time":...,"level":"info","event":"server_started",...}. `event` is in the past tense, snake_case.
void log_line(Level level, std::string_view event, std::initializer_list<LogField> fields = {});

// Lines below this level are not written. Set once, before threads start.
void set_log_level(Level level);

}  // namespace headrace
