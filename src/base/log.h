// The program's own log: one JSON object per line on stderr, control characters escaped, secrets never given to it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace headrace {

class LogSink;

enum class Level : uint8_t { debug, info, warning, error };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;
};

// {"time":...,"level":"info","event":"server_started",...}. `event` is in the past tense, snake_case.
void log_line(Level level, std::string_view event, std::initializer_list<LogField> fields = {});

// The same in two steps, for who gathers many lines: each appended to `out`, then all handed over.
void append_log_line(Level level, std::string_view event, std::span<const LogField> fields, std::string& out);
void log_lines(std::string_view lines, uint64_t count);

// Lines below this level are not written. Any thread.
void set_log_level(Level level);
bool is_logged(Level level);

// From now on `sink` writes (src/base/log_sink.h), so that nobody waits for a slow stderr; nullptr: the
// caller writes. Set while no other thread runs.
void set_log_sink(LogSink* sink);
// For who ends the process at once: waits, not for long, until what was logged is written.
void flush_log();

struct LogCounters {
  uint64_t lines = 0;    // written
  uint64_t dropped = 0;  // stderr was too slow, or is closed
};
LogCounters log_counters();  // of the sink

}  // namespace headrace
