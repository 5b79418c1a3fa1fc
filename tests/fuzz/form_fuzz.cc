// multipart/form-data from arbitrary bytes: parts lie within the body and hold no boundary line, and a form written anew from what
// was read is read as the same.
#include <cstdint>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "src/net/form.h"

using namespace headrace;

namespace {

constexpr std::string_view type = "multipart/form-data; boundary=B";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string written(const std::vector<FormPart>& parts) {
  std::string out;
  for (const FormPart& part : parts) {
    out += "--B\r\nContent-Disposition: form-data; name=" + quoted(part.name) + "; filename=" + quoted(part.filename) + "\r\n";
    if (!part.content_type.empty()) out += "Content-Type: " + std::string(part.content_type) + "\r\n";
    out += "\r\n" + std::string(part.content) + "\r\n";
  }
  return out + "--B--\r\n";
}

void check(std::string_view body) {
  auto parts = parse_form(type, body);
  if (!parts.ok()) return CHECK(!parts.problem().field.empty());
  CHECK(parts->size() <= limits::form_parts_max);
  for (const FormPart& part : *parts) {
    CHECK(part.content.data() >= body.data() && part.content.data() + part.content.size() <= body.data() + body.size());
    CHECK(part.content.find("\r\n--B") == part.content.npos && !part.content.starts_with("--B"));
  }
  const std::string again = written(*parts);
  auto same = parse_form(type, again);
  CHECK(same.ok() && same->size() == parts->size());
  for (size_t i = 0; i < parts->size(); ++i) {
    const FormPart &a = (*parts)[i], &b = (*same)[i];
    CHECK(a.name == b.name && a.filename == b.filename && a.content_type == b.content_type && a.content == b.content);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(input);
  // The first line as a content type, the rest as its body.
  const size_t end = input.find('\n');
  if (end != input.npos) (void)parse_form(input.substr(0, end), input.substr(end + 1));
  return 0;
}
