// From JSON text, or a parameter's text, to the members of a struct: one walk, every rule checked on the way.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "codec/json.h"
#include "codec/json_walk.h"
#include "codec/time_text.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

namespace od = simdjson::ondemand;

// The path to what is being read, for messages: "lines[2].price".
struct Path {
  const Path* up;
  std::string_view name;
  size_t index;  // used where name is empty

  std::string text() const {
    std::string head = up ? up->text() : "";
    if (name.empty()) return up || index != SIZE_MAX ? fmt::format("{}[{}]", head, index) : head;
    return head.empty() ? std::string(name) : fmt::format("{}.{}", head, name);
  }
};

std::string_view article_and_name(TypeKind kind) {
  switch (kind) {
    case TypeKind::boolean:
      return "true or false";
    case TypeKind::integer:
      return "an integer";
    case TypeKind::number:
      return "a number";
    case TypeKind::string:
      return "a string";
    case TypeKind::timestamp:
      return "an ISO 8601 time such as 2025-09-30T12:00:00Z";
    case TypeKind::raw:
      return "a JSON value";
    case TypeKind::array:
      return "an array";
    default:
      return "an object";
  }
}

Problem wrong_type(const Path& path, TypeKind kind) {
  return {Error::invalid_input, path.text(), fmt::format("must be {}", article_and_name(kind))};
}

Result<> check_required(const ShapeInfo& shape, uint64_t seen, const Path* inside) {
  for (auto& field : shape) {
    if (!field.required() || (seen >> (&field - shape.begin()) & 1)) continue;
    std::string name = Path{inside, field.name, 0}.text();
    return Problem{Error::missing_field, name, "Missing required field: " + name};
  }
  return Done{};
}

Result<> check_number_rules(double number, const Rules& rules, const Path& path) {
  if (number >= rules.min && number <= rules.max) return Done{};
  if (std::isinf(rules.max))
    return Problem{Error::invalid_input, path.text(), fmt::format("must be at least {}", rules.min)};
  if (std::isinf(rules.min))
    return Problem{Error::invalid_input, path.text(), fmt::format("must be at most {}", rules.max)};
  return Problem{Error::invalid_input, path.text(),
                 fmt::format("must be between {} and {}", rules.min, rules.max)};
}

Result<> check_length_rules(size_t length, const Rules& rules, std::string_view unit, const Path& path) {
  if (length >= rules.length_min && length <= rules.length_max) return Done{};
  if (rules.length_max == std::numeric_limits<size_t>::max())
    return Problem{Error::invalid_input, path.text(),
                   fmt::format("must have at least {} {}", rules.length_min, unit)};
  return Problem{Error::invalid_input, path.text(),
                 fmt::format("must have between {} and {} {}", rules.length_min, rules.length_max, unit)};
}

Result<> check_string_rules(std::string_view text, const Rules& rules, const Path& path) {
  TRY_DONE(check_length_rules(text.size(), rules, "bytes", path));
  if (rules.choice_count == 0) return Done{};
  std::string names;
  for (size_t i = 0; i < rules.choice_count; ++i) {
    if (rules.choices[i] == text) return Done{};
    names += (i ? ", " : "") + std::string(rules.choices[i]);
  }
  return Problem{Error::invalid_input, path.text(), "must be one of " + names};
}

Result<> read_value(od::value value, const TypeInfo& type, const Rules& rules, void* out, const Path& path,
                    size_t depth);

Result<> read_object(od::object object, const ShapeInfo& shape, void* out, const Path& path, size_t depth) {
  KeySet keys;
  uint64_t seen = 0;
  for (auto member : object) {
    std::string_view key;
    od::value inner;
    TRY_DONE(open_member(member, keys, key, inner));
    const FieldInfo* match = nullptr;
    for (auto& field : shape)
      if (field.name == key) match = &field;
    if (!match) {
      TRY_DONE(check_whole(inner, depth + 1));
      continue;
    }
    Path here{&path, match->name, 0};
    bool null = false;
    if (auto code = inner.is_null().get(null)) return json_problem(code);
    if (null && !match->required() && match->type->kind != TypeKind::raw) continue;
    TRY_DONE(read_value(inner, *match->type, match->rules, match->member(out), here, depth + 1));
    seen |= uint64_t{1} << (match - shape.begin());
  }
  return check_required(shape, seen, &path);
}

struct Reading {
  od::value value;
  const TypeInfo& type;
  const Rules& rules;
  void* out;
  const Path& path;
  size_t depth;

  Result<> integer() {
    int64_t number;
    double real;
    if (value.get_int64().get(number)) {
      // 3.0 is an integer to JSON Schema, too.
      if (value.get_double().get(real) || real != std::floor(real) || std::abs(real) > 9e15)
        return wrong_type(path, type.kind);
      number = static_cast<int64_t>(real);
    }
    *static_cast<int64_t*>(out) = number;
    return check_number_rules(static_cast<double>(number), rules, path);
  }

  Result<> number() {
    double number;
    if (value.get_double().get(number) || !std::isfinite(number)) return wrong_type(path, type.kind);
    *static_cast<double*>(out) = number;
    return check_number_rules(number, rules, path);
  }

  Result<> text() {
    std::string_view text;
    if (auto code = value.get_string().get(text))
      return code == simdjson::INCORRECT_TYPE ? wrong_type(path, type.kind) : json_problem(code);
    if (type.kind == TypeKind::timestamp) {
      auto time = parse_time(text);
      if (!time) return wrong_type(path, type.kind);
      static_cast<Timestamp*>(out)->us = *time;
      return Done{};
    }
    static_cast<std::string*>(out)->assign(text);
    return check_string_rules(text, rules, path);
  }

  Result<> boolean() {
    if (value.get_bool().get(*static_cast<bool*>(out))) return wrong_type(path, type.kind);
    return Done{};
  }

  Result<> array() {
    od::array array;
    if (value.get_array().get(array)) return wrong_type(path, type.kind);
    size_t count = 0;
    for (auto item : array) {
      od::value inner;
      if (auto code = item.get(inner)) return json_problem(code);
      Path here{&path, {}, count};
      if (++count > rules.length_max) break;
      TRY_DONE(read_value(inner, *type.element, Rules{}, type.append(out), here, depth + 1));
    }
    return check_length_rules(count, rules, "elements", path);
  }

  Result<> map() {
    od::object object;
    if (value.get_object().get(object)) return wrong_type(path, type.kind);
    KeySet keys;
    size_t count = 0;
    for (auto member : object) {
      std::string_view key;
      od::value inner;
      TRY_DONE(open_member(member, keys, key, inner));
      if (++count > rules.length_max) break;
      Path here{&path, key, 0};
      TRY_DONE(read_value(inner, *type.element, rules, type.insert(out, key), here, depth + 1));
    }
    return check_length_rules(count, rules, "members", path);
  }

  Result<> raw() {
    auto& text = static_cast<RawJson*>(out)->text;
    od::json_type kind;
    if (auto code = value.type().get(kind)) return json_problem(code);
    if (kind == od::json_type::object || kind == od::json_type::array) {
      std::string_view all;
      od::object object;
      od::array items;
      auto code =
          kind == od::json_type::object ? value.get_object().get(object) : value.get_array().get(items);
      if (code) return json_problem(code);
      code = kind == od::json_type::object ? object.raw_json().get(all) : items.raw_json().get(all);
      if (code) return json_problem(code);
      text.assign(all);
      return check_text(all, depth);
    }
    text.assign(value.raw_json_token());
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    return check_whole(value, depth);
  }
};

Result<> read_value(od::value value, const TypeInfo& type, const Rules& rules, void* out, const Path& path,
                    size_t depth) {
  if (depth > limits::json_depth_max)
    return Problem{Error::malformed_json, fmt::format("nested deeper than {}", limits::json_depth_max)};
  void* target = type.optional ? type.emplace(out) : out;
  Reading reading{value, type, rules, target, path, depth};
  switch (type.kind) {
    case TypeKind::boolean:
      return reading.boolean();
    case TypeKind::integer:
      return reading.integer();
    case TypeKind::number:
      return reading.number();
    case TypeKind::string:
    case TypeKind::timestamp:
      return reading.text();
    case TypeKind::raw:
      return reading.raw();
    case TypeKind::array:
      return reading.array();
    case TypeKind::map:
      return reading.map();
    case TypeKind::object: {
      od::object object;
      if (value.get_object().get(object)) return wrong_type(path, type.kind);
      return read_object(object, *type.shape, target, path, depth);
    }
  }
  return Error::internal_error;
}

template <class Number>
bool parse_all(std::string_view text, Number& number) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<> check_required(const ShapeInfo& shape, uint64_t seen) {
  return check_required(shape, seen, nullptr);
}

Result<> read_json(std::string_view text, const TypeInfo& type, void* value) {
  thread_local od::parser parser;
  od::document document;
  if (text.empty()) return Problem{Error::malformed_json, "the body is empty; a JSON value is expected"};
  if (auto code = parser.iterate(padded_copy(text)).get(document)) return json_problem(code);
  od::value top;
  if (document.get_value().get(top))
    return Problem{Error::malformed_json, "the body must be a JSON object or array"};
  Path root{nullptr, {}, SIZE_MAX};
  TRY_DONE(read_value(top, type, Rules{}, value, root, 1));
  if (!at_end(document)) return Problem{Error::malformed_json, "there is something behind the JSON value"};
  return Done{};
}

Result<> read_parameter(std::string_view text, const FieldInfo& field, void* object) {
  const TypeInfo& type = *field.type;
  void* out = field.member(object);
  if (type.optional) out = type.emplace(out);
  Path path{nullptr, field.name, 0};
  switch (type.kind) {
    case TypeKind::integer:
      if (!parse_all(text, *static_cast<int64_t*>(out))) return wrong_type(path, type.kind);
      return check_number_rules(static_cast<double>(*static_cast<int64_t*>(out)), field.rules, path);
    case TypeKind::number:
      if (!parse_all(text, *static_cast<double*>(out)) || !std::isfinite(*static_cast<double*>(out)))
        return wrong_type(path, type.kind);
      return check_number_rules(*static_cast<double*>(out), field.rules, path);
    case TypeKind::boolean:
      if (text != "true" && text != "false" && text != "1" && text != "0") return wrong_type(path, type.kind);
      *static_cast<bool*>(out) = text == "true" || text == "1";
      return Done{};
    case TypeKind::timestamp: {
      auto time = parse_time(text);
      if (!time) return wrong_type(path, type.kind);
      static_cast<Timestamp*>(out)->us = *time;
      return Done{};
    }
    case TypeKind::string:
      static_cast<std::string*>(out)->assign(text);
      return check_string_rules(text, field.rules, path);
    default:
      return Problem{Error::internal_error, std::string(field.name), "no parameter can have this type"};
  }
}

}  // namespace headrace
