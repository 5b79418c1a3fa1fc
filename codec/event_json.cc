// One pass over each event: known members are taken, everything else is checked, so that what is stored is
// valid JSON.
#include "codec/event_json.h"

#include <fmt/format.h>

#include <cstring>

#include "codec/json_walk.h"
#include "codec/time_text.h"
#include "src/base/limits.h"

namespace headrace {

namespace od = simdjson::ondemand;

namespace {

Problem wrong(std::string_view field, std::string rule) {
  return {Error::invalid_input, std::string(field), std::move(rule)};
}

// Event types are part of topic names and metric labels: letters, digits and _ . : -
bool is_type_name(std::string_view text) {
  for (char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
        !std::strchr("_.:-", c))
      return false;
  return true;
}

}  // namespace

// Reads one event from a parser's value into an entry.
class EventReader {
 public:
  EventReader(EventBatch& batch, EventBatch::Entry& entry)
      : batch_(batch), event_(entry.event), entry_(entry) {}

  Result<> read(od::object object) {
    for (auto member : object) {
      std::string_view key;
      od::value value;
      TRY_DONE(open_member(member, keys_, key, value));
      TRY_DONE(take(key, value));
    }
    if (problem_.empty() && event_.type.empty())
      note({Error::missing_field, "event_type", "Missing required field: event_type"});
    if (!problem_.empty()) {
      entry_.problem = static_cast<int>(batch_.problems_.size());
      batch_.problems_.push_back(std::move(problem_[0]));
    }
    return Done{};
  }

 private:
  // The first rule broken is what the producer is told; reading goes on to find malformed JSON behind it.
  void note(Problem problem) {
    if (problem_.empty()) problem_.push_back(std::move(problem));
  }

  Result<> take(std::string_view key, od::value value) {
    if (key == "event_type") return type(value);
    if (key == "event_id") return id(value);
    if (key == "timestamp") return time(value);
    if (key == "data") return data(value);
    if (key == "source") return text("source", value, event_.source, limits::event_type_bytes_max);
    if (key == "user_id") return entity("user_id", value, event_.user);
    if (key == "session_id") return entity("session_id", value, event_.session);
    if (key == "cart_id") return entity("cart_id", value, event_.cart);
    return check_whole(value, 2);
  }

  // The text of a string. Where it has no escape, the bytes of the body serve as they are.
  Result<> string_of(od::value value, std::string_view& out) {
    std::string_view token = value.raw_json_token();
    const char* first = token.data() + 1;
    auto* quote = static_cast<const char*>(std::memchr(first, '"', token.size() - 1));
    if (quote && !std::memchr(first, '\\', static_cast<size_t>(quote - first))) {
      out = {first, static_cast<size_t>(quote - first)};
      return Done{};
    }
    std::string_view unescaped;
    if (auto code = value.get_string().get(unescaped)) return json_problem(code);
    out = batch_.texts_.emplace_back(unescaped);
    return Done{};
  }

  Result<> text(std::string_view field, od::value value, std::string_view& out, size_t bytes_max) {
    od::json_type kind;
    if (auto code = value.type().get(kind)) return json_problem(code);
    if (kind != od::json_type::string) {
      note(wrong(field, "must be a string"));
      return check_whole(value, 2);
    }
    TRY_DONE(string_of(value, out));
    if (out.empty() || out.size() > bytes_max) {
      note(wrong(field, fmt::format("must have between 1 and {} bytes", bytes_max)));
      out = {};
    }
    return Done{};
  }

  Result<> type(od::value value) {
    TRY_DONE(text("event_type", value, event_.type, limits::event_type_bytes_max));
    if (!is_type_name(event_.type)) note(wrong("event_type", "may hold letters, digits and _ . : - only"));
    return Done{};
  }

  Result<> id(od::value value) {
    bool null = false;
    if (auto code = value.is_null().get(null)) return json_problem(code);
    if (null) return Done{};
    TRY_DONE(text("event_id", value, event_.id, limits::event_id_bytes_max));
    entry_.has_id = !event_.id.empty();
    return Done{};
  }

  Result<> time(od::value value) {
    od::json_type kind;
    if (auto code = value.type().get(kind)) return json_problem(code);
    std::string_view written;
    if (kind == od::json_type::null) return check_whole(value, 2);
    if (kind == od::json_type::string) {
      TRY_DONE(string_of(value, written));
    } else {
      TRY_DONE(check_whole(value, 2));
    }
    auto parsed = parse_time(written);
    if (!parsed) note(wrong("timestamp", "must be an ISO 8601 time such as 2025-09-30T12:00:00.000000"));
    event_.time = parsed.value_or(0);
    entry_.has_time = true;
    return Done{};
  }

  // Keys of entities may be strings or integers; an empty string or null names nobody.
  Result<> entity(std::string_view field, od::value value, std::string_view& out) {
    od::json_type kind;
    if (auto code = value.type().get(kind)) return json_problem(code);
    if (kind == od::json_type::number) {
      int64_t number;
      if (value.get_int64().get(number)) {
        note(wrong(field, "must be a string or an integer"));
        return check_whole(value, 2);
      }
      out = batch_.texts_.emplace_back(std::to_string(number));
    } else if (kind == od::json_type::string) {
      TRY_DONE(string_of(value, out));
    } else {
      if (kind != od::json_type::null) note(wrong(field, "must be a string or an integer"));
      return check_whole(value, 2);
    }
    if (out.size() > limits::key_bytes_max) {
      note(wrong(field, fmt::format("must have at most {} bytes", limits::key_bytes_max)));
      out = {};
    }
    return Done{};
  }

  Result<> data(od::value value) {
    od::json_type kind;
    if (auto code = value.type().get(kind)) return json_problem(code);
    if (kind != od::json_type::object) {
      if (kind != od::json_type::null) note(wrong("data", "must be an object"));
      return check_whole(value, 2);
    }
    od::object object;
    if (auto code = value.get_object().get(object)) return json_problem(code);
    if (auto code = object.raw_json().get(event_.data)) return json_problem(code);
    if (auto code = object.reset().error()) return json_problem(code);
    if (event_.data.size() > limits::event_bytes_max)
      note({Error::body_too_large, "data",
            fmt::format("must have at most {} bytes", limits::event_bytes_max)});
    return data_members(object);
  }

  Result<> data_members(od::object& object) {
    KeySet keys;
    for (auto member : object) {
      std::string_view key;
      od::value value;
      TRY_DONE(open_member(member, keys, key, value, "data."));
      TRY_DONE(key == "user_id"      ? entity("data.user_id", value, event_.user)
               : key == "session_id" ? entity("data.session_id", value, event_.session)
               : key == "cart_id"    ? entity("data.cart_id", value, event_.cart)
                                     : check_leaf(value));
    }
    return Done{};
  }

  // Strings without escapes were checked by the parser's first stage; only the rest needs the walk.
  Result<> check_leaf(od::value value) {
    std::string_view token = value.raw_json_token();
    if (token.front() == '"') {
      std::string_view ignored;
      size_t quote = token.find('"', 1);
      if (quote != std::string_view::npos && token.substr(1, quote - 1).find('\\') == std::string_view::npos)
        return Done{};
      if (auto code = value.get_string().get(ignored)) return json_problem(code);
      return Done{};
    }
    return check_whole(value, 3);
  }

  EventBatch& batch_;
  Event& event_;
  EventBatch::Entry& entry_;
  KeySet keys_;
  std::vector<Problem> problem_;
};

namespace {

od::parser& parser() {
  thread_local od::parser instance;
  return instance;
}

Problem empty_body() { return {Error::malformed_json, "the body is empty; events are expected"}; }

Problem too_many() {
  return {Error::body_too_large, "events",
          fmt::format("a batch holds at most {} events", limits::batch_events_max)};
}

}  // namespace

void EventBatch::clear() {
  entries_.clear();
  problems_.clear();
  texts_.clear();
}

Result<> EventBatch::read_one(std::string_view body) {
  clear();
  if (body.empty()) return empty_body();
  padded_.assign(body).append(simdjson::SIMDJSON_PADDING, ' ');
  od::document document;
  if (auto code = parser().iterate(padded_.data(), body.size(), padded_.size()).get(document))
    return json_problem(code);
  od::object object;
  if (auto code = document.get_object().get(object))
    return code == simdjson::INCORRECT_TYPE ? Problem{Error::invalid_input, "the body must be a JSON object"}
                                            : json_problem(code);
  TRY_DONE(EventReader(*this, entries_.emplace_back()).read(object));
  if (!at_end(document)) return Problem{Error::malformed_json, "there is something behind the event"};
  return Done{};
}

Result<> EventBatch::read_array(std::string_view body) {
  clear();
  if (body.empty()) return empty_body();
  padded_.assign(body).append(simdjson::SIMDJSON_PADDING, ' ');
  od::document document;
  if (auto code = parser().iterate(padded_.data(), body.size(), padded_.size()).get(document))
    return json_problem(code);
  od::json_type kind;
  if (auto code = document.type().get(kind)) return json_problem(code);
  od::array array;
  bool wrapped = kind == od::json_type::object;
  auto code = wrapped ? document["events"].get_array().get(array) : document.get_array().get(array);
  if (code == simdjson::INCORRECT_TYPE || code == simdjson::NO_SUCH_FIELD)
    return Problem{Error::invalid_input, "events",
                   "the body must be an array of events, or an object with one"};
  if (code) return json_problem(code);
  for (auto item : array) {
    if (entries_.size() == limits::batch_events_max) return too_many();
    od::value value;
    if (auto bad = item.get(value)) return json_problem(bad);
    Entry& entry = entries_.emplace_back();
    od::object object;
    if (auto bad = value.get_object().get(object)) {
      if (bad != simdjson::INCORRECT_TYPE) return json_problem(bad);
      entry.problem = static_cast<int>(problems_.size());
      problems_.push_back(wrong("event", "must be a JSON object"));
      TRY_DONE(check_whole(value, 2));
      continue;
    }
    TRY_DONE(EventReader(*this, entry).read(object));
  }
  if (!wrapped && !at_end(document))
    return Problem{Error::malformed_json, "there is something behind the array"};
  return Done{};
}

Result<> EventBatch::read_lines(std::string_view body) {
  clear();
  if (body.empty()) return empty_body();
  padded_.assign(body).append(simdjson::SIMDJSON_PADDING, ' ');
  for (size_t first = 0; first < body.size();) {
    size_t end = std::min(body.find('\n', first), body.size());
    std::string_view line(padded_.data() + first, end - first);
    size_t room = padded_.size() - first;
    first = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (entries_.size() == limits::batch_events_max) return too_many();
    Entry& entry = entries_.emplace_back();
    od::document document;
    od::object object;
    auto code = parser().iterate(line.data(), line.size(), room).get(document);
    if (!code) code = document.get_object().get(object);
    Result<> read = code ? Result<>(json_problem(code)) : EventReader(*this, entry).read(object);
    if (read.ok() && !at_end(document))
      read = Problem{Error::malformed_json, "there is something behind the event"};
    if (read.ok()) continue;
    entry.problem = static_cast<int>(problems_.size());
    problems_.push_back(read.problem());
  }
  return Done{};
}

}  // namespace headrace
