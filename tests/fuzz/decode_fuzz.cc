// The decoders of what comes from disk or from elsewhere: records, event payloads, content codings, URLs,
// times, models.
#include <cstdint>
#include <string>

#include "codec/content_coding.h"
#include "codec/event.h"
#include "codec/record.h"
#include "codec/time_text.h"
#include "codec/url.h"
#include "codec/utf8.h"
#include "src/base/check.h"
#include "src/scoring/model.h"

using namespace headrace;

namespace {

void records(std::string_view body, uint32_t count) {
  RecordCursor cursor(body, 1, count, 1'700'000'000'000'000);
  RecordView record;
  while (!cursor.at_end() && cursor.next(record).ok()) {
    CHECK(record.payload.data() + record.payload.size() <= body.data() + body.size());
  }
}

void event(std::string_view payload) {
  auto decoded = decode_event(payload);
  if (!decoded.ok()) return;
  std::string again;
  encode(*decoded, again);
  auto back = decode_event(again);
  CHECK(back.ok() && back->id == decoded->id && back->data == decoded->data);
}

void time(std::string_view text) {
  auto parsed = parse_time(text);
  if (!parsed || *parsed < 0) return;
  std::string written;
  append_time(*parsed, true, written);
  CHECK(parse_time(written) == parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  std::string out;
  switch (bytes[0] % 8) {
    case 0:
      records(rest, bytes[1]);
      break;
    case 1:
      event(rest);
      break;
    case 2:
      (void)decode_content("gzip", rest, 100'000, out);
      break;
    case 3:
      (void)decode_content("zstd", rest, 100'000, out);
      break;
    case 4:
      if (auto text = percent_decode(rest, bytes[1] & 1)) CHECK(is_utf8(*text));
      break;
    case 5:
      time(rest);
      break;
    case 6:
      (void)decode_content("deflate", rest, 100'000, out);
      break;
    default:
      (void)Model::load(rest);
  }
  return 0;
}
