// Events from arbitrary bytes: nothing crashes, alone and in an array they get the same verdict, and what was
// accepted is JSON that reads again and survives the form it has in the log.
#include <cstdint>
#include <string>

#include "codec/event_json.h"
#include "codec/json_walk.h"
#include "src/base/check.h"

using namespace headrace;

namespace {

void check_accepted(const Event& event) {
  CHECK(!event.type.empty());
  if (!event.data.empty()) CHECK(check_text(event.data, 2).ok());
  std::string payload;
  encode(event, payload);
  auto back = decode_event(payload);
  CHECK(back.ok());
  CHECK(back->id == event.id && back->type == event.type && back->data == event.data &&
        back->time == event.time);
  CHECK(back->user == event.user && back->session == event.session && back->cart == event.cart);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  EventBatch alone, together, lines;
  bool one = alone.read_one(text).ok() && alone.entries()[0].problem < 0;
  if (one) check_accepted(alone.entries()[0].event);
  std::string array = "[" + std::string(text) + "]";
  bool all = together.read_array(array).ok();
  if (one) CHECK(all && together.entries().size() == 1 && together.entries()[0].problem < 0);
  if (all)
    for (auto& entry : together.entries())
      if (entry.problem < 0) check_accepted(entry.event);
  if (lines.read_lines(text).ok())
    for (auto& entry : lines.entries())
      if (entry.problem < 0) check_accepted(entry.event);
  return 0;
}
