// The event as bytes of a log record, and back.
#include "codec/event.h"

#include <array>
#include <functional>

#include "codec/varint.h"

namespace headrace {
namespace {

using Keys = std::array<std::string_view, 3>;  // user, session, cart: flag bits 0 to 2

constexpr uint8_t first_in_data = 8;
constexpr uint8_t all_flags = 63;

bool is_within(std::string_view key, std::string_view data) {
  std::less_equal<const char*> not_after;
  return not_after(data.data(), key.data()) && not_after(key.data() + key.size(), data.data() + data.size());
}

uint8_t flags_of(const Keys& keys, std::string_view data) {
  unsigned flags = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) continue;
    flags |= 1u << i;
    if (is_within(keys[i], data)) flags |= unsigned{first_in_data} << i;
  }
  return static_cast<uint8_t>(flags);
}

// Where data says a key.
struct Place {
  uint64_t offset, size;
};

}  // namespace

void encode(const Event& event, std::string& out) {
  const Keys keys{event.user, event.session, event.cart};
  const uint8_t flags = flags_of(keys, event.data);
  out.push_back(static_cast<char>(flags));
  put_varint(zigzag(event.time), out);
  put_text(event.id, out);
  put_text(event.type, out);
  put_text(event.source, out);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (flags & first_in_data << i) {
      put_varint(static_cast<uint64_t>(keys[i].data() - event.data.data()), out);
      put_varint(keys[i].size(), out);
    } else if (!keys[i].empty()) {
      put_text(keys[i], out);
    }
  }
  out.append(event.data);
}

Result<Event> decode_event(std::string_view payload) {
  Taker take(payload);
  Event event;
  auto flags = take.fixed<uint8_t>();
  event.time = unzigzag(take.varint());
  event.id = take.text();
  event.type = take.text();
  event.source = take.text();
  const std::array<std::string_view*, 3> keys{&event.user, &event.session, &event.cart};
  std::array<Place, 3> places{};
  for (size_t i = 0; i < keys.size(); ++i) {
    if (flags & first_in_data << i) {
      places[i].offset = take.varint();
      places[i].size = take.varint();
    } else if (flags & 1 << i) {
      *keys[i] = take.text();
    }
  }
  event.data = take.rest();
  for (size_t i = 0; i < keys.size(); ++i) {
    auto [offset, size] = places[i];
    if (size > 0 && size <= event.data.size() && offset <= event.data.size() - size)
      *keys[i] = event.data.substr(offset, size);
  }
  // What would not encode to the same bytes again: a key that is announced but empty, or stands beyond the data.
  if (take.failed() || flags > all_flags || flags_of({event.user, event.session, event.cart}, event.data) != flags) {
    return Problem(Error::storage_damaged, "event", "The payload is not an event");
  }
  return event;
}

}  // namespace headrace
