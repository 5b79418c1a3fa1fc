// Numbers are not looked at: one that equals an id is a coincidence more often than a person.
#include "src/events/redaction.h"

#include "codec/json.h"

namespace headrace {
namespace {

constexpr std::string_view replacement = "erased";

// The end of the string that begins behind the quote at `begin - 1`.
size_t end_of_string(std::string_view json, size_t begin) {
  size_t at = begin;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return std::min(at, json.size());
}

void append_without(std::string_view text, const Subject& subject, std::string& out) {
  size_t from = 0;
  while (auto at = subject.find(text, from)) {
    out.append(text.substr(from, *at - from)).append(replacement);
    from = *at + subject.length();
  }
  out.append(text.substr(from));
}

// Between its quotes, as it is written.
void append_string(std::string_view written, const Subject& subject, std::string& out) {
  if (written.find('\\') == std::string_view::npos) return append_without(written, subject, out);
  auto texts = from_json<std::vector<std::string>>("[\"" + std::string(written) + "\"]");
  if (!texts.ok()) return append_without(written, subject, out);
  out.append(subject.is_in(texts->front()) ? replacement : written);
}

}  // namespace

std::optional<std::string> redact(std::string_view json, const Subject& subject) {
  bool plain = json.find('\\') == std::string_view::npos;
  if (plain && !subject.is_in(json)) return std::nullopt;
  std::string out;
  size_t from = 0;
  for (size_t quote; (quote = json.find('"', from)) != std::string_view::npos;) {
    size_t end = end_of_string(json, quote + 1);
    out.append(json.substr(from, quote + 1 - from));
    append_string(json.substr(quote + 1, end - quote - 1), subject, out);
    from = end;
    if (from < json.size()) out.push_back(json[from++]);
  }
  out.append(json.substr(from));
  return out == json ? std::nullopt : std::optional(std::move(out));
}

}  // namespace headrace
