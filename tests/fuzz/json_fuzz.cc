// Shapes from arbitrary bytes: nothing crashes, and what was accepted is written as JSON that reads to the
// same value.
#include <cstdint>
#include <string>

#include "codec/json.h"
#include "src/base/check.h"

using namespace headrace;

namespace {

struct Inner {
  int64_t count = 0;
  std::optional<bool> flag;
  static constexpr auto shape() {
    return std::tuple{field("count", &Inner::count, "", between(-5, 1e15)), field("flag", &Inner::flag, "")};
  }
};

struct Outer {
  std::string name;
  std::optional<double> ratio;
  std::vector<Inner> inner;
  std::map<std::string, std::string> labels;
  Timestamp at;
  RawJson raw;
  static constexpr auto shape() {
    return std::tuple{field("name", &Outer::name, "", length(0, 100)),
                      field("ratio", &Outer::ratio, ""),
                      field("inner", &Outer::inner, "", optional_field),
                      field("labels", &Outer::labels, "", optional_field),
                      field("at", &Outer::at, "", optional_field),
                      field("raw", &Outer::raw, "", optional_field)};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto value = from_json<Outer>(text);
  if (!value.ok()) {
    CHECK(!value.problem().text().empty());
    return 0;
  }
  std::string written = to_json(*value);
  auto again = from_json<Outer>(written);
  CHECK(again.ok());
  CHECK(to_json(*again) == written);
  return 0;
}
