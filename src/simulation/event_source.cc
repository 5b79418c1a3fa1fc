// The JSON of one event.
#include "src/simulation/event_source.h"

#include "codec/json.h"
#include "codec/time_text.h"

namespace headrace {

EventJson::EventJson(std::string_view id, std::string_view type, Micros time) {
  out_ = "{\"event_id\":";
  append_json_string(id, out_);
  out_ += ",\"event_type\":";
  append_json_string(type, out_);
  out_ += ",\"timestamp\":\"";
  append_time(time, true, out_);
  out_ += "\",\"data\":{";
}

void EventJson::name(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(name, out_);
  out_ += ':';
}

EventJson& EventJson::text(std::string_view member, std::string_view value) {
  if (value.empty()) return *this;
  name(member);
  append_json_string(value, out_);
  return *this;
}

EventJson& EventJson::number(std::string_view member, double value) {
  name(member);
  append_json_number(value, out_);
  return *this;
}

EventJson& EventJson::flag(std::string_view member, bool value) {
  name(member);
  out_ += value ? "true" : "false";
  return *this;
}

std::string EventJson::done() { return std::move(out_) + "}}"; }

}  // namespace headrace
