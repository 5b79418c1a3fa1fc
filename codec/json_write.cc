// From the members of a struct to JSON text.
#include <fmt/format.h>

#include <cmath>

#include "codec/json.h"
#include "codec/time_text.h"
#include "codec/utf8.h"

namespace headrace {
namespace {

// 0: copied as it is; 1: escaped; 2: part of a multi-byte sequence.
constexpr std::array<uint8_t, 256> classes = [] {
  std::array<uint8_t, 256> out{};
  for (size_t i = 0; i < 256; ++i)
    out[i] = i < 0x20 || i == '"' || i == '\\' || i == 0x7f ? 1 : i >= 0x80 ? 2 : 0;
  return out;
}();

void append_escape(unsigned char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
  }
}

void write_object(const ShapeInfo& shape, const void* object, std::string& out) {
  out += '{';
  bool first = true;
  for (auto& field : shape) {
    const void* member = field.member_of(object);
    if (field.type->optional && !field.type->get(member)) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(field.name, out);
    out += ':';
    write_json(*field.type, member, out);
  }
  out += '}';
}

void write_array(const TypeInfo& type, const void* array, std::string& out) {
  out += '[';
  for (size_t i = 0, n = type.size(array); i < n; ++i) {
    if (i) out += ',';
    write_json(*type.element, type.at(array, i), out);
  }
  out += ']';
}

void write_map(const TypeInfo& type, const void* map, std::string& out) {
  struct Context {
    const TypeInfo& type;
    std::string& out;
    bool first = true;
  } context{type, out};
  out += '{';
  type.each(map, &context, [](void* c, std::string_view key, const void* value) {
    auto& here = *static_cast<Context*>(c);
    if (!here.first) here.out += ',';
    here.first = false;
    append_json_string(key, here.out);
    here.out += ':';
    write_json(*here.type.element, value, here.out);
  });
  out += '}';
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  size_t plain = 0;
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (classes[c] == 0) {
      ++i;
      continue;
    }
    size_t width = classes[c] == 2 ? utf8_width(text.substr(i)) : 0;
    if (width) {
      i += width;
      continue;
    }
    out.append(text, plain, i - plain);
    if (classes[c] == 1)
      append_escape(c, out);
    else
      out += "\xef\xbf\xbd";
    plain = ++i;
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

void append_json_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char buffer[32];
  // Whole numbers without exponent or fraction, as people expect of counts.
  if (number == std::floor(number) && std::abs(number) < 1e15)
    out.append(buffer, fmt::format_to(buffer, "{}", static_cast<int64_t>(number)));
  else
    out.append(buffer, fmt::format_to(buffer, "{}", number));
}

void write_json(const TypeInfo& type, const void* value, std::string& out) {
  if (type.optional) {
    value = type.get(value);
    if (!value) {
      out += "null";
      return;
    }
  }
  switch (type.kind) {
    case TypeKind::boolean:
      out += *static_cast<const bool*>(value) ? "true" : "false";
      return;
    case TypeKind::integer:
      fmt::format_to(std::back_inserter(out), "{}", *static_cast<const int64_t*>(value));
      return;
    case TypeKind::number:
      append_json_number(*static_cast<const double*>(value), out);
      return;
    case TypeKind::string:
      append_json_string(*static_cast<const std::string*>(value), out);
      return;
    case TypeKind::timestamp: {
      auto& time = *static_cast<const Timestamp*>(value);
      out += '"';
      append_time(time.us, time.zone, out);
      out += '"';
      return;
    }
    case TypeKind::raw: {
      auto& text = static_cast<const RawJson*>(value)->text;
      out += text.empty() ? "null" : text;
      return;
    }
    case TypeKind::array:
      write_array(type, value, out);
      return;
    case TypeKind::map:
      write_map(type, value, out);
      return;
    case TypeKind::object:
      write_object(*type.shape, value, out);
      return;
  }
}

}  // namespace headrace
