// JSON lines and CSV cells.
#include "tools/log_lines.h"

#include <fmt/format.h>

#include <cstdio>

#include "codec/json.h"
#include "codec/scoped_key.h"
#include "codec/time_text.h"

namespace headrace {
namespace {

void append_member(std::string_view name, std::string_view text, std::string& out) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(text, out);
}

void append_time_member(std::string_view name, Micros time, std::string& out) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":\"", name);
  append_time(time, true, out);
  out += '"';
}

Result<> append_event(std::string_view payload, std::string& out) {
  auto event = decode_event(payload);
  if (!event.ok()) return event.problem();
  out += ",\"event\":{\"event_id\":";
  append_json_string(key_in(event->id), out);
  append_member("tenant", tenant_in(event->id), out);
  append_member("event_type", event->type, out);
  append_time_member("timestamp", event->time, out);
  append_member("source", event->source, out);
  append_member("user_id", key_in(event->user), out);
  append_member("session_id", key_in(event->session), out);
  append_member("cart_id", key_in(event->cart), out);
  out.append(",\"data\":").append(event->data).append("}");
  return Done{};
}

void append_cell(std::string_view text, char end, std::string& out) {
  bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  bool quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quoted) out += '"';
  if (formula) out += '\'';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  if (quoted) out += '"';
  out += end;
}

void append_time_cell(Micros time, std::string& out) {
  append_time(time, true, out);
  out += ',';
}

}  // namespace

Result<> append_record_line(uint32_t partition, const RecordView& record, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"partition\":{},\"lsn\":{}", partition, record.lsn);
  append_time_member("time", record.time, out);
  append_member("kind", name_of(record.kind), out);
  append_member("key", record.key, out);
  if (record.kind == Kind::event) {
    TRY_DONE(append_event(record.payload, out));
  } else {
    fmt::format_to(std::back_inserter(out), ",\"payload_bytes\":{}", record.payload.size());
  }
  out += "}\n";
  return Done{};
}

void append_hole_line(uint32_t partition, const Hole& hole, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"partition\":{},\"lsn\":{},\"last_lsn\":{}", partition, hole.first, hole.last);
  append_time_member("time", hole.time, out);
  append_member("kind", "hole", out);
  append_member("reason", hole.reason, out);
  append_member("by", hole.by, out);
  out += "}\n";
}

void append_event_line(const Event& event, std::string& out) {
  out += '{';
  if (auto tenant = tenant_in(event.id); !tenant.empty()) {
    out += tenant_member;
    append_json_string(tenant, out);
    out += ',';
  }
  out += "\"event_id\":";
  append_json_string(key_in(event.id), out);
  append_member("event_type", event.type, out);
  append_time_member("timestamp", event.time, out);
  append_member("source", event.source, out);
  out.append(",\"data\":").append(event.data).append("}\n");
}

void append_event_cells(const Event& event, Micros ingested, std::string& out) {
  append_cell(key_in(event.id), ',', out);
  append_cell(event.type, ',', out);
  append_time_cell(event.time, out);
  for (std::string_view text : {event.user, event.session, event.cart})
    append_cell(key_in(text), ',', out);
  append_cell(event.source, ',', out);
  append_cell(tenant_in(event.id), ',', out);
  append_time_cell(ingested, out);
  append_cell(event.data, '\r', out);
  out += '\n';
}

std::string time_text(Micros time) {
  std::string out;
  append_time(time, true, out);
  return out;
}

Result<> print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return Done{};
  return Problem{Error::storage_io, "stdout", "cannot be written"};
}

}  // namespace headrace
