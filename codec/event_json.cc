// One pass over each event: known members are taken, everything else is checked, so that what is stored is
// valid JSON.
#include "codec/event_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/card_mask.h"
#include "codec/json_walk.h"
#include "codec/time_text.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr size_t lines_bytes = 64 * 1024;  // of NDJSON indexed at a time: stays in the cache

// Event types are part of topic names and metric labels: letters, digits and _ . : -
constexpr auto type_characters = [] {
  std::array<bool, 256> out{};
  for (int c = 0; c < 256; ++c)
    out[static_cast<size_t>(c)] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' || c == '-';
  return out;
}();

bool is_type_name(std::string_view text) {
  bool good = true;
  for (char c : text) good &= type_characters[static_cast<unsigned char>(c)];
  return good;
}

Problem empty_body() { return {Error::malformed_json, "the body is empty; events are expected"}; }

Problem behind(std::string_view what) {
  return {Error::malformed_json, fmt::format("there is something behind the {}", what)};
}

Problem not_events() {
  return {Error::invalid_input, "events", "the body must be an array of events, or an object with one"};
}

Problem too_many() {
  return {Error::body_too_large, "events",
          fmt::format("a batch holds at most {} events", limits::batch_events_max)};
}

}  // namespace

// Reads one event into an entry. False means malformed JSON, as everywhere in a walk; what breaks a rule of
// events is noted.
class EventReader {
 public:
  EventReader(JsonWalk& walk, EventBatch& batch, EventBatch::Entry& entry)
      : walk_(walk), batch_(batch), event_(entry.event), entry_(entry) {}

  bool read() {
    if (!walk_.object([this](std::string_view key) { return take(key); })) return false;
    finish();
    return true;
  }

  // The same in steps: take() at each member, finish() behind the last.
  bool take(std::string_view key) {
    if (key == "event_id") return id();
    if (key == "timestamp") return time();
    if (key == "event_type") return type();
    if (key == "data") return data();
    if (key == "source") return text("source", event_.source, limits::event_type_bytes_max);
    if (key == "user_id") return entity("user_id", event_.user);
    if (key == "session_id") return entity("session_id", event_.session);
    if (key == "cart_id") return entity("cart_id", event_.cart);
    return walk_.check(2);
  }
  void finish() {
    if (event_.type.empty())
      note("event_type", "Missing required field: event_type", Error::missing_field);
  }

 private:
  // The first rule broken is what the producer is told; reading goes on to find malformed JSON behind it.
  void note(std::string_view field, std::string_view rule, Error error = Error::invalid_input) {
    if (entry_.problem < 0) entry_.problem = batch_.add({error, std::string(field), std::string(rule)});
  }

  bool take_member(std::string_view key) {
    const char* first = walk_.here();
    suspicious_ |= *first == '{' || *first == '[';
    if (!take_data(key)) return false;
    batch_.members_.push_back({key, {first, static_cast<size_t>(walk_.behind() - first)}});
    return true;
  }

  bool take_data(std::string_view key) {
    if (key == "user_id") return entity("data.user_id", event_.user);
    if (key == "session_id") return entity("data.session_id", event_.session);
    if (key == "cart_id") return entity("data.cart_id", event_.cart);
    suspicious_ |= names_card_data(key);
    return walk_.check(3);
  }

  // The text of a string. Where it has no escape, the bytes of the body serve as they are.
  bool string(std::string_view& out) {
    if (!walk_.string(out)) return false;
    if (!walk_.within(out)) out = batch_.keep(std::string(out));
    return true;
  }

  // Checks a value of the wrong type; null is none.
  bool unfit(std::string_view field, std::string_view rule) {
    if (walk_.peek() != 'n') note(field, rule);
    return walk_.check(2);
  }

  bool text(std::string_view field, std::string_view& out, size_t bytes_max) {
    if (walk_.peek() != '"') {
      note(field, "must be a string");
      return walk_.check(2);
    }
    if (!string(out)) return false;
    if (out.empty() || out.size() > bytes_max) {
      note(field, fmt::format("must have between 1 and {} bytes", bytes_max));
      out = {};
    }
    return true;
  }

  bool type() {
    if (!text("event_type", event_.type, limits::event_type_bytes_max)) return false;
    if (!is_type_name(event_.type)) note("event_type", "may hold letters, digits and _ . : - only");
    return true;
  }

  bool id() {
    if (walk_.peek() == 'n') return walk_.word("null");
    if (!text("event_id", event_.id, limits::event_id_bytes_max)) return false;
    entry_.has_id = !event_.id.empty();
    return true;
  }

  bool time() {
    constexpr std::string_view rule = "must be an ISO 8601 time such as 2025-09-30T12:00:00.000000";
    if (walk_.peek() != '"') return entry_.has_time |= walk_.peek() != 'n', unfit("timestamp", rule);
    std::string_view written;
    if (!string(written)) return false;
    auto parsed = parse_time(written);
    if (!parsed) note("timestamp", rule);
    event_.time = parsed.value_or(0);
    entry_.has_time = true;
    return true;
  }

  // Keys of entities may be strings or integers; an empty string or null names nobody.
  bool entity(std::string_view field, std::string_view& out) {
    if (walk_.peek() == '"') {
      if (!string(out)) return false;
    } else if (walk_.peek() == '-' || (walk_.peek() >= '0' && walk_.peek() <= '9')) {
      if (!number(field, out)) return false;
    } else {
      return unfit(field, "must be a string or an integer");
    }
    if (out.size() > limits::key_bytes_max) {
      note(field, fmt::format("must have at most {} bytes", limits::key_bytes_max));
      out = {};
    }
    return true;
  }

  // An integer has one spelling in JSON, but for -0.
  bool number(std::string_view field, std::string_view& out) {
    std::string_view token;
    bool whole;
    int64_t value;
    if (!walk_.number(token, whole)) return false;
    if (whole && to_integer(token, value)) {
      out = value ? token : "0";
      return true;
    }
    note(field, "must be a string or an integer");
    return walk_.check_range(token, whole);
  }

  bool data() {
    if (walk_.peek() != '{') return unfit("data", "must be an object");
    const char* first = walk_.here();
    int noted_before = entry_.problem;
    size_t first_member = batch_.members_.size();
    if (!walk_.object([this](std::string_view key) { return take_member(key); }, "data.")) return false;
    event_.data = {first, static_cast<size_t>(walk_.behind() - first)};
    if (suspicious_ || may_hold_card(event_.data)) batch_.mask(event_.data);
    if (event_.data.find('\\') != event_.data.npos) batch_.members_.resize(first_member);
    entry_.first_member = static_cast<uint32_t>(first_member);
    entry_.member_count = static_cast<uint32_t>(batch_.members_.size() - first_member);
    if (event_.data.size() > limits::event_bytes_max) {
      entry_.problem = noted_before;  // the object is refused before its members are
      note("data", fmt::format("must have at most {} bytes", limits::event_bytes_max), Error::body_too_large);
    }
    return true;
  }

  JsonWalk& walk_;
  EventBatch& batch_;
  Event& event_;
  EventBatch::Entry& entry_;
  bool suspicious_ = false;  // the data has a name of card data, or more inside: look for it
};

// Views of events outlive the request's own body, which goes when its coroutine suspends.
std::string_view EventBatch::begin(std::string_view body) {
  entries_.clear();
  members_.clear();
  problems_.clear();
  texts_.clear();
  padded_.assign(body).append(limits::padding_bytes, '\0');
  return {padded_.data(), body.size()};
}

// Once they stand where they stay.
void EventBatch::hand_out_members() {
  for (Entry& entry : entries_)
    entry.event.members = std::span(members_).subspan(entry.first_member, entry.member_count);
}

void EventBatch::mask(std::string_view data) {
  mask_cards(padded_.data() + (data.data() - padded_.data()), data.size());
}

int EventBatch::add(Problem problem) {
  problems_.push_back(std::move(problem));
  return static_cast<int>(problems_.size()) - 1;
}

Result<> EventBatch::read_one(std::string_view body) {
  JsonWalk& walk = thread_walk();
  if (body.empty()) return empty_body();
  if (!walk.open(begin(body))) return walk.problem();
  if (walk.peek() != '{') return Problem{Error::invalid_input, "the body must be a JSON object"};
  if (!EventReader(walk, *this, entries_.emplace_back()).read()) return walk.problem();
  hand_out_members();
  return walk.done() ? Result<>(Done{}) : behind("event");
}

Result<> EventBatch::read_array(std::string_view body) {
  JsonWalk& walk = thread_walk();
  if (body.empty()) return empty_body();
  if (!walk.open(begin(body))) return walk.problem();
  if (walk.peek() != '[' && walk.peek() != '{') return not_events();
  bool wrapped = walk.peek() == '{', found = !wrapped;
  auto member = [&](std::string_view key) {
    if (key != "events") return walk.check(2);
    found = true;
    return walk.peek() == '[' ? read_elements(walk) : walk.fail(not_events());
  };
  if (wrapped ? !walk.object(member) : !read_elements(walk)) return walk.problem();
  if (!walk.done()) return behind("array");
  hand_out_members();
  return found ? Result<>(Done{}) : not_events();
}

bool EventBatch::read_elements(JsonWalk& walk) {
  return walk.array([&] {
    if (entries_.size() == limits::batch_events_max) return walk.fail(too_many());
    Entry& entry = entries_.emplace_back();
    if (walk.peek() == '{') return EventReader(walk, *this, entry).read();
    entry.problem = add({Error::invalid_input, "event", "must be a JSON object"});
    return walk.check(2);
  });
}

Result<> EventBatch::read_lines(std::string_view body) {
  if (body.empty()) return empty_body();
  for (std::string_view rest = begin(body); !rest.empty();) {
    size_t end = rest.size() > lines_bytes ? rest.find('\n', lines_bytes) : rest.npos;
    std::string_view some = rest.substr(0, end == rest.npos ? end : end + 1);
    rest.remove_prefix(some.size());
    if (!read_some_lines(some)) return too_many();
  }
  hand_out_members();
  return Done{};
}

// No string holds a line's end where all of the text passes the first stage: lines can be walked one by one.
// Else each is indexed alone, so that only the bad ones are refused.
bool EventBatch::read_some_lines(std::string_view text) {
  JsonWalk& walk = thread_walk();
  bool together = walk.open_many(text);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (entries_.size() == limits::batch_events_max) return false;
    Entry& entry = entries_.emplace_back();
    if (!read_line(walk, together ? walk.open_next(line.data() + line.size()) : walk.open(line), entry))
      entry.problem = add(walk.problem());
  }
  return true;
}

bool EventBatch::read_line(JsonWalk& walk, bool opened, Entry& entry) {
  if (!opened) return false;
  if (walk.peek() != '{') return walk.fail({Error::malformed_json, "the line must be a JSON object"});
  return EventReader(walk, *this, entry).read() && (walk.done() || walk.fail(behind("event")));
}

// --- messages of a stream

namespace {

bool take_text_of(JsonWalk& walk, std::string_view& out) {
  const char* first = walk.here();
  if (!walk.check(2)) return false;
  out = {first, static_cast<size_t>(walk.behind() - first)};
  return true;
}

bool take_message_id(JsonWalk& walk, std::string& out) {
  bool is_text = walk.peek() == '"', whole = false;
  std::string_view id;
  int64_t number;
  if (is_text || !(walk.peek() == '-' || (walk.peek() >= '0' && walk.peek() <= '9'))) {
    if (!take_text_of(walk, id)) return false;
    is_text = is_text && id.size() <= limits::event_id_bytes_max + 2;
  } else if (!walk.number(id, whole)) {
    return false;
  }
  if (!is_text && !(whole && to_integer(id, number)))
    return walk.fail({Error::invalid_input, "id",
                      fmt::format("must be an integer, or a string of at most {} bytes", limits::event_id_bytes_max)});
  out = id;
  return true;
}

}  // namespace

Result<> EventBatch::read_message(std::string_view text, StreamMessage& message) {
  JsonWalk& walk = thread_walk();
  if (text.empty()) return empty_body();
  if (!walk.open(begin(text))) return walk.problem();
  if (walk.peek() == '{') return read_message_object(walk, message);
  if (walk.peek() != '[') return Problem{Error::invalid_input, "the message must be a JSON object or array"};
  if (!read_elements(walk)) return walk.problem();
  return walk.done() ? Result<>(Done{}) : behind("array");
}

Result<> EventBatch::read_message_object(JsonWalk& walk, StreamMessage& message) {
  Entry one;
  EventReader event(walk, *this, one);
  bool found_events = false;
  auto member = [&](std::string_view key) {
    if (key == "id") return take_message_id(walk, message.id);
    if (key == "subscribe") return take_text_of(walk, message.subscribe);
    if (key == "unsubscribe") return take_text_of(walk, message.unsubscribe);
    if (key != "events") return event.take(key);
    found_events = true;
    return walk.peek() == '[' ? read_elements(walk) : walk.fail({Error::invalid_input, "events", "must be an array"});
  };
  if (!walk.object(member)) return walk.problem();
  if (!walk.done()) return behind("message");
  int kinds = found_events + !message.subscribe.empty() + !message.unsubscribe.empty() + !one.event.type.empty();
  if (kinds > 1)
    return Problem{Error::invalid_input, "the message must be one of: an event, events, subscribe, unsubscribe"};
  if (kinds == 1 && one.event.type.empty()) return Done{};
  event.finish();
  entries_.push_back(one);
  return Done{};
}

}  // namespace headrace
