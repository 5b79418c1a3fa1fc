// One switch over the kinds; everything a schema says stands in the shape already.
#include "codec/schema.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "codec/json.h"

namespace headrace {
namespace {

void bound(std::string_view name, double value, std::string& out) {
  if (!std::isinf(value)) out += fmt::format(",\"{}\":{}", name, value);
}

void bounds_of_length(std::string_view min_name, std::string_view max_name, const Rules& rules, std::string& out) {
  if (rules.length_min) out += fmt::format(",\"{}\":{}", min_name, rules.length_min);
  if (rules.length_max != std::numeric_limits<size_t>::max())
    out += fmt::format(",\"{}\":{}", max_name, rules.length_max);
}

void string_schema(const Rules& rules, std::string& out) {
  out += "\"type\":\"string\"";
  bounds_of_length("minLength", "maxLength", rules, out);
  if (!rules.choice_count) return;
  out += ",\"enum\":[";
  for (size_t i = 0; i < rules.choice_count; ++i) {
    if (i) out += ',';
    append_json_string(rules.choices[i], out);
  }
  out += ']';
}

void object_schema(const ShapeInfo& shape, std::string& out) {
  out += "\"type\":\"object\",\"properties\":{";
  bool first = true;
  for (auto& field : shape) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(field.name, out);
    out += ":{\"description\":";
    append_json_string(field.description, out);
    out += ',';
    std::string inner;
    write_schema(*field.type, field.rules, inner);
    out.append(inner, 1, inner.size() - 1);
  }
  out += '}';
  std::string required;
  for (auto& field : shape)
    if (field.required()) {
      required += required.empty() ? "" : ",";
      append_json_string(field.name, required);
    }
  if (!required.empty()) out += ",\"required\":[" + required + "]";
}

}  // namespace

void write_schema(const TypeInfo& type, const Rules& rules, std::string& out) {
  if (type.kind == TypeKind::written) return write_schema(*type.element, rules, out);
  out += '{';
  switch (type.kind) {
    case TypeKind::boolean: out += "\"type\":\"boolean\""; break;
    case TypeKind::integer:
    case TypeKind::number:
    case TypeKind::single:
      out += type.kind == TypeKind::integer ? "\"type\":\"integer\"" : "\"type\":\"number\"";
      bound("minimum", rules.min, out);
      bound("maximum", rules.max, out);
      break;
    case TypeKind::string:
    case TypeKind::view: string_schema(rules, out); break;
    case TypeKind::timestamp: out += "\"type\":\"string\",\"format\":\"date-time\""; break;
    case TypeKind::raw: out += "\"title\":\"any JSON value\""; break;
    case TypeKind::written: break;
    case TypeKind::array:
      out += "\"type\":\"array\",\"items\":";
      write_schema(*type.element, Rules{}, out);
      bounds_of_length("minItems", "maxItems", rules, out);
      break;
    case TypeKind::map:
      out += "\"type\":\"object\",\"additionalProperties\":";
      write_schema(*type.element, rules, out);
      break;
    case TypeKind::object: object_schema(*type.shape, out); break;
  }
  if (!rules.example.empty()) out += ",\"examples\":[" + std::string(rules.example) + "]";
  out += '}';
}

}  // namespace headrace
