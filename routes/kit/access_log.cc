// Which requests have a line, and what stands in it.
#include "routes/kit/access_log.h"

#include <array>
#include <climits>

#include "routes/kit/call.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr std::string_view none = "none";

std::string_view trace_id_of(std::string_view traceparent) {
  return traceparent.empty() ? traceparent : traceparent.substr(3, 32);
}

}  // namespace

AccessLog::AccessLog(Loop& loop, const AccessRules& rules)
    : hook_(loop.at_end_of_iteration(Stage::output, [this] { hand_over(); })) {
  set_rules(rules);
}

void AccessLog::set_rules(const AccessRules& rules) {
  const AccessLines wanted = rules.lines;
  status_min_ = wanted == AccessLines::all ? 0 : wanted == AccessLines::errors ? 400 : INT_MAX;
  took_max_ = wanted == AccessLines::off || rules.slow_us == 0 ? INT64_MAX : rules.slow_us;
}

Level AccessLog::level_of(int status, Micros took) const {
  return status >= 500 ? Level::error : took > took_max_ ? Level::warning : Level::info;
}

void AccessLog::request_finished(const Call& call, int status, Micros took, size_t bytes_out) {
  std::array<LogField, 15> fields;
  size_t count = 0;
  auto say = [&](std::string_view name, auto value) { fields[count++] = {name, value}; };
  const Route* route = call.route;
  say("request_id", call.id.view());
  if (!call.code.empty()) say("code", call.code);
  if (auto trace = trace_id_of(call.traceparent); !trace.empty()) say("trace_id", trace);
  say("method", name_of(call.method));
  say("operation", route ? route->handler.name : none);
  say("route", route ? route->path : none);
  say("system", name_of(call.system));
  say("status", int64_t{status});
  say("duration_us", took);
  say("bytes_in", uint64_t{call.bytes_in});
  say("bytes_out", call.method == Method::HEAD ? uint64_t{0} : uint64_t{bytes_out});
  say("peer", call.peer.view());
  say("role", name_of(foremost(call.caller.roles)));
  if (!call.certificate.empty()) say("certificate", std::string_view(call.certificate));
  if (call.client_gone()) say("client_gone", true);
  add(level_of(status, took), "request_finished", {fields.data(), count});
}

void AccessLog::request_refused(std::string_view request_id, const ErrorRow& error, std::string_view peer) {
  if (!wants(error.status, 0)) return;
  const LogField fields[] = {
      {"request_id", request_id}, {"status", int64_t{error.status}}, {"code", error.code}, {"peer", peer}};
  add(level_of(error.status, 0), "request_refused", fields);
}

void AccessLog::add(Level level, std::string_view event, std::span<const LogField> fields) {
  if (!is_logged(level)) return;
  append_log_line(level, event, fields, lines_);
  ++count_;
  if (lines_.size() >= limits::log_block_bytes) hand_over();
}

void AccessLog::hand_over() {
  if (count_ == 0) return;
  log_lines(lines_, count_);
  lines_.clear();
  count_ = 0;
}

}  // namespace headrace
