// Lines are built on the stack of the caller and written by one write(2), so that threads do not mix them.
#include "src/base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <string>

#include "src/base/time.h"

namespace headrace {
namespace {

std::atomic<Level> lowest{Level::info};

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') out += '\\', out += static_cast<char>(c);
    else if (c < 0x20 || c == 0x7f) fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    else out += static_cast<char>(c);
  }
  out += '"';
}

struct Append {
  std::string& out;
  void operator()(std::string_view text) { append_quoted(text, out); }
  void operator()(bool flag) { out += flag ? "true" : "false"; }
  void operator()(int64_t number) { fmt::format_to(std::back_inserter(out), "{}", number); }
  void operator()(uint64_t number) { fmt::format_to(std::back_inserter(out), "{}", number); }
  void operator()(double number) { fmt::format_to(std::back_inserter(out), "{:.6g}", number); }
};

}  // namespace

void set_log_level(Level level) { lowest = level; }

void log_line(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < lowest) return;
  constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  Micros now = system_clock().wall();
  time_t seconds = now / second_us;
  tm utc;
  gmtime_r(&seconds, &utc);
  char time[32];
  strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
  std::string line = fmt::format(R"({{"time":"{}.{:06}Z","level":"{}","event":)", time, now % second_us,
                                 names[static_cast<size_t>(level)]);
  append_quoted(event, line);
  for (auto& field : fields) {
    line += ',';
    append_quoted(field.name, line);
    line += ':';
    std::visit(Append{line}, field.value);
  }
  line += "}\n";
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace headrace
