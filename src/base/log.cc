// Lines are whole before they are written, so that threads do not mix them.
#include "src/base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

#include "src/base/limits.h"
#include "src/base/log_sink.h"

namespace headrace {
namespace {

std::atomic<Level> lowest{Level::info};
std::atomic<LogSink*> its_sink{nullptr};

bool is_plain(unsigned char c) { return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f; }

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]))) ++plain;
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(text.front()));
    text.remove_prefix(1);
  }
  out += '"';
}

struct Append {
  std::string& out;
  void operator()(std::string_view text) { append_quoted(text, out); }
  void operator()(bool flag) { out += flag ? "true" : "false"; }
  void operator()(int64_t number) { append(fmt::format_int(number)); }
  void operator()(uint64_t number) { append(fmt::format_int(number)); }
  void operator()(double number) { fmt::format_to(std::back_inserter(out), "{:.6g}", number); }
  void append(const fmt::format_int& digits) { out.append(digits.data(), digits.size()); }
};

// The calendar is asked once per second and thread.
void append_now(std::string& out) {
  thread_local time_t second = -1;
  thread_local char text[32];
  const Micros now = system_clock().wall();
  if (const time_t its = now / second_us; its != second) {
    tm utc;
    gmtime_r(&its, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
    second = its;
  }
  out.append(text);
  char digits[7];
  fmt::format_to(digits, "{:06}Z", now % second_us);
  out.append(digits, sizeof digits);
}

}  // namespace

void set_log_level(Level level) { lowest = level; }
bool is_logged(Level level) { return level >= lowest.load(std::memory_order_relaxed); }
void set_log_sink(LogSink* sink) { its_sink = sink; }

void append_log_line(Level level, std::string_view event, std::span<const LogField> fields,
                     std::string& out) {
  constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  out.append(R"({"time":")");
  append_now(out);
  out.append(R"(","level":")").append(names[static_cast<size_t>(level)]).append(R"(","event":)");
  append_quoted(event, out);
  for (auto& field : fields) {
    out += ',';
    append_quoted(field.name, out);
    out += ':';
    std::visit(Append{out}, field.value);
  }
  out.append("}\n");
}

void log_line(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!is_logged(level)) return;
  std::string line;
  append_log_line(level, event, {fields.begin(), fields.size()}, line);
  log_lines(line, 1);
}

void log_lines(std::string_view lines, uint64_t count) {
  if (LogSink* sink = its_sink) return sink->write(lines, count);
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, lines.data(), lines.size());
}

void flush_log() {
  if (LogSink* sink = its_sink) sink->flush(limits::log_flush_us);
}

LogCounters log_counters() {
  LogSink* sink = its_sink;
  return sink ? sink->counters() : LogCounters{};
}

}  // namespace headrace
