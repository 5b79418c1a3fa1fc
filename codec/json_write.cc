// From the members of a struct to JSON text.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <utility>

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

constexpr uint64_t each_byte(uint64_t byte) { return byte * 0x0101010101010101u; }

// Not 0 if one of eight bytes is not copied as it is.
uint64_t unlike(uint64_t eight) {
  auto zero = [](uint64_t x) { return (x - each_byte(1)) & ~x; };
  uint64_t control = (eight - each_byte(0x20)) | (eight + each_byte(1)) | eight;
  return (control | zero(eight ^ each_byte('"')) | zero(eight ^ each_byte('\\'))) & each_byte(0x80);
}

// True if all of `text` is copied as it is: eight bytes at a time, the last eight may overlap.
bool is_plain(std::string_view text) {
  if (text.size() < 8) {
    uint8_t seen = 0;
    for (char c : text) seen |= classes[static_cast<unsigned char>(c)];
    return seen == 0;
  }
  uint64_t eight, found = 0;
  for (size_t i = 0; i + 8 < text.size(); i += 8) {
    std::memcpy(&eight, text.data() + i, 8);
    found |= unlike(eight);
  }
  std::memcpy(&eight, text.data() + text.size() - 8, 8);
  return (found | unlike(eight)) == 0;
}

void append_integer(int64_t number, std::string& out) {
  if (number >= 0 && number < 10) return out.push_back(static_cast<char>('0' + number));
  fmt::format_int text(number);
  out.append(text.data(), text.size());
}

template <class Number>
void append_number(Number number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  // Whole numbers without exponent or fraction, as people expect of counts.
  if (std::abs(number) < static_cast<Number>(1e15) && number == static_cast<Number>(static_cast<int64_t>(number)))
    return append_integer(static_cast<int64_t>(number), out);
  char buffer[32];
  out.append(buffer, fmt::format_to(buffer, FMT_COMPILE("{}"), number));
}

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
  size_t comma = 1;  // to be left out before the first member
  for (auto& field : shape) {
    const void* member = field.member_of(object);
    if (field.type->optional && !field.type->get(member)) continue;
    out.append(field.json_key.substr(std::exchange(comma, 0)));
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
  if (is_plain(text)) {
    out += text;
    out += '"';
    return;
  }
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

void append_json_number(double number, std::string& out) { append_number(number, out); }
void append_json_number(float number, std::string& out) { append_number(number, out); }

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
      append_integer(*static_cast<const int64_t*>(value), out);
      return;
    case TypeKind::number:
      append_json_number(*static_cast<const double*>(value), out);
      return;
    case TypeKind::single:
      append_json_number(*static_cast<const float*>(value), out);
      return;
    case TypeKind::string:
      append_json_string(*static_cast<const std::string*>(value), out);
      return;
    case TypeKind::view:
      append_json_string(*static_cast<const std::string_view*>(value), out);
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
    case TypeKind::written:  // text stands first in every Written<T>
      out += *static_cast<const std::string*>(value);
      return;
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
