// Events of the audit, and small texts that documents are named by.
#include "src/identity/effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "codec/event.h"
#include "src/events/event_fold.h"

namespace headrace {
namespace {

constexpr uint8_t event_version = 1;

}  // namespace

std::string Stamp::id() const { return id_of_number(random.next() | 1); }

void Effects::record(const Stamp& stamp, std::string_view type, std::string_view account, std::string_view data) {
  Event event;
  std::string id = stamp.uuid(), payload;
  event.id = id, event.type = type, event.source = own_source;
  event.user = account, event.data = data, event.time = stamp.now;
  encode(event, payload);
  change.emit(Kind::event, event_version, {}, payload);
}

void Effects::tell(CredentialUpdate::Kind kind, uint64_t id, uint32_t version, Micros until) {
  CredentialUpdate update{.kind = kind};
  update.id = id, update.version = version, update.until = until;
  updates.push_back(update);
}

std::string object_of(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string out = "{";
  for (auto& [name, value] : members) {
    out += out.size() > 1 ? ",\"" : "\"";
    out.append(name).append("\":");
    append_json_string(value, out);
  }
  return out + "}";
}

uint64_t number_of_id(std::string_view hex) {
  uint64_t number = 0;
  auto [end, code] = std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  return code == std::errc() && end == hex.data() + hex.size() && hex.size() == 16 ? number : 0;
}

std::string id_of_number(uint64_t number) { return fmt::format("{:016x}", number); }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace headrace
