// Boundaries, the header fields between them, and their parameters.
#include "src/net/form.h"

#include <algorithm>
#include <optional>

#include "src/base/limits.h"
#include "src/net/text.h"

namespace headrace {
namespace {

constexpr std::string_view blanks = " \t", line_end = "\r\n";

Problem broken(std::string rule) { return {Error::invalid_input, "form", std::move(rule)}; }

// Takes a quoted string off `text`, or nothing where it does not end. Browsers escape a quote as %22, which stays as it is.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return text.remove_prefix(i + 1), out;
    if (text[i] == '\\' && ++i == text.size()) break;
    out.push_back(text[i]);
  }
  return std::nullopt;
}

std::string take_token(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_token_char);
  std::string out(text.begin(), end);
  text.remove_prefix(out.size());
  return out;
}

// The value before the first semicolon, and the parameters behind it, which it calls take(name, value) with. False where that is no
// such thing, or take() says so.
template <class Take>
bool each_parameter(std::string_view text, Take take) {
  for (text = trimmed(text.substr(std::min(text.find(';'), text.size()))); !text.empty(); text = trimmed(text)) {
    if (text[0] != ';') return false;
    text = trimmed(text.substr(1));
    if (text.empty()) return true;  // a semicolon at the end is common
    const std::string name = take_token(text);
    text = trimmed(text);
    if (name.empty() || text.empty() || text[0] != '=') return false;
    text = trimmed(text.substr(1));
    auto value = text.starts_with('"') ? take_quoted(text) : take_token(text);
    if (!value || !take(std::string_view(name), std::move(*value))) return false;
  }
  return true;
}

std::string_view value_of(std::string_view text) { return trimmed(text.substr(0, text.find(';'))); }

// Encodings that are none (RFC 2045, 6.2).
bool is_identity(std::string_view encoding) {
  return equal_any_case(encoding, "binary") || equal_any_case(encoding, "8bit") || equal_any_case(encoding, "7bit");
}

bool is_boundary_char(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

// RFC 2046, 5.1.1.
bool is_boundary(std::string_view text) {
  constexpr size_t longest = 70;
  return !text.empty() && text.size() <= longest && text.back() != ' ' && std::ranges::all_of(text, is_boundary_char);
}

std::optional<std::string> boundary_of(std::string_view content_type) {
  std::optional<std::string> boundary;
  auto take = [&](std::string_view name, std::string value) {
    if (!equal_any_case(name, "boundary")) return true;
    const bool first = !boundary;
    boundary = std::move(value);
    return first && is_boundary(*boundary);
  };
  if (!each_parameter(content_type, take)) return std::nullopt;
  return boundary;
}

class FormReader {
 public:
  FormReader(std::string_view boundary, std::string_view body) : delimiter_("\r\n--" + std::string(boundary)), rest_(body) {}

  Result<std::vector<FormPart>> read() {
    if (!skip_to_first()) return broken("has no boundary");
    std::vector<FormPart> parts;
    while (true) {
      auto more = end_boundary_line();
      if (!more.ok()) return more.problem();
      if (!*more) return parts;
      if (parts.size() == limits::form_parts_max)
        return broken("may have at most " + std::to_string(limits::form_parts_max) + " parts");
      TRY_DONE(read_part(parts.emplace_back()));
    }
  }

 private:
  // Behind the boundary that the body begins with, or that begins a line of it.
  bool skip_to_first() {
    const std::string_view first = std::string_view(delimiter_).substr(line_end.size());
    size_t at = 0;
    if (!rest_.starts_with(first)) {
      at = rest_.find(delimiter_);
      if (at == rest_.npos) return false;
      at += line_end.size();
    }
    rest_.remove_prefix(at + first.size());
    return true;
  }

  // What stands behind a boundary: true where a part follows, false where it was the last.
  Result<bool> end_boundary_line() {
    const bool last = rest_.starts_with("--");
    if (last) rest_.remove_prefix(2);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
    if (rest_.starts_with(line_end)) return rest_.remove_prefix(line_end.size()), !last;
    if (last && rest_.empty()) return false;
    return broken("has a line that begins with its boundary and goes on");
  }

  Result<> read_part(FormPart& part) {
    std::string_view head = rest_.substr(0, limits::form_header_bytes_max);
    bool named = false;
    while (!head.starts_with(line_end)) {
      const size_t end = head.find(line_end);
      if (end == head.npos) return broken("has a part whose header fields do not end, or are too long");
      TRY_DONE(take_field(head.substr(0, end), part, named));
      head.remove_prefix(end + line_end.size());
      rest_.remove_prefix(end + line_end.size());
    }
    if (!named) return broken("has a part without a name");
    // The line break before a boundary belongs to it: a part of nothing may have that one only.
    if (!rest_.starts_with(delimiter_)) rest_.remove_prefix(line_end.size());
    const size_t end = rest_.find(delimiter_);
    if (end == rest_.npos) return broken("ends before its last boundary");
    part.content = rest_.substr(0, end);
    rest_.remove_prefix(end + delimiter_.size());
    return Done{};
  }

  Result<> take_field(std::string_view line, FormPart& part, bool& named) {
    const size_t colon = line.find(':');
    if (colon == line.npos || colon == 0 || !std::ranges::all_of(line.substr(0, colon), is_token_char) || has_line_end(line))
      return broken("has a part with a line that is no header field");
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (equal_any_case(name, "content-type")) part.content_type = value;
    if (equal_any_case(name, "content-transfer-encoding") && !is_identity(value))
      return broken("has a part in a transfer encoding, which HTTP does not need");
    if (!equal_any_case(name, "content-disposition")) return Done{};
    if (named || !equal_any_case(value_of(value), "form-data")) return broken("has a part that is not form-data, once");
    auto take = [&](std::string_view parameter, std::string text) {
      if (equal_any_case(parameter, "name")) named = true, part.name = std::move(text);
      if (equal_any_case(parameter, "filename")) part.filename = std::move(text);
      return true;
    };
    if (!each_parameter(value, take)) return broken("has a Content-Disposition that does not parse");
    return Done{};
  }

  const std::string delimiter_;
  std::string_view rest_;
};

}  // namespace

bool is_form(std::string_view content_type) { return equal_any_case(value_of(content_type), "multipart/form-data"); }

Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body) {
  auto boundary = boundary_of(content_type);
  if (!boundary) return Problem{Error::invalid_input, "Content-Type", "must say the form's boundary, of 1 to 70 characters"};
  return FormReader(*boundary, body).read();
}

}  // namespace headrace
