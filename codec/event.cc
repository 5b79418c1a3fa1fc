// The event as bytes of a log record, and back.
#include "codec/event.h"

#include "codec/varint.h"

namespace headrace {
namespace {

enum Flag : uint8_t { has_user = 1, has_session = 2, has_cart = 4, all_flags = 7 };

uint8_t flags_of(const Event& event) {
  return static_cast<uint8_t>((event.user.empty() ? 0 : has_user) |
                              (event.session.empty() ? 0 : has_session) |
                              (event.cart.empty() ? 0 : has_cart));
}

}  // namespace

void encode(const Event& event, std::string& out) {
  out.push_back(static_cast<char>(flags_of(event)));
  put_varint(zigzag(event.time), out);
  put_text(event.id, out);
  put_text(event.type, out);
  put_text(event.source, out);
  for (std::string_view key : {event.user, event.session, event.cart}) {
    if (!key.empty()) put_text(key, out);
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
  if (flags & has_user) event.user = take.text();
  if (flags & has_session) event.session = take.text();
  if (flags & has_cart) event.cart = take.text();
  event.data = take.rest();
  // A key that is announced but empty would not encode to the same bytes again.
  if (take.failed() || flags > all_flags || flags_of(event) != flags) {
    return Problem(Error::storage_damaged, "event", "The payload is not an event");
  }
  return event;
}

}  // namespace headrace
