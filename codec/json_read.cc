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

constexpr Rules no_rules{};

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

const FieldInfo* field_named(const ShapeInfo& shape, std::string_view name) {
  for (auto& field : shape)
    if (field.name == name) return &field;
  return nullptr;
}

// One value on its way into `out`. As in the walk, false means refused, and the walk has the problem.
struct Reading {
  JsonWalk& walk;
  const TypeInfo& type;
  const Rules& rules;
  void* out;
  const Path& path;
  size_t depth;

  bool read() {
    if (depth > limits::json_depth_max)
      return walk.fail(
          {Error::malformed_json, fmt::format("nested deeper than {}", limits::json_depth_max)});
    if (type.optional) out = type.emplace(out);
    switch (type.kind) {
      case TypeKind::boolean:
        return boolean();
      case TypeKind::integer:
        return integer();
      case TypeKind::number:
        return number();
      case TypeKind::string:
        return text();
      case TypeKind::timestamp:
        return timestamp();
      case TypeKind::raw:
        return raw();
      case TypeKind::array:
        return walk.peek() == '[' ? array() : unfit();
      case TypeKind::map:
        return walk.peek() == '{' ? map() : unfit();
      case TypeKind::object:
        return walk.peek() == '{' ? object() : unfit();
      case TypeKind::single:
      case TypeKind::view:
      case TypeKind::written:
        break;
    }
    return walk.fail({Error::internal_error});
  }

 private:
  bool unfit() { return walk.fail(wrong_type(path, type.kind)); }
  bool keeps(const Result<>& rule) { return rule.ok() || walk.fail(rule.problem()); }

  bool take_number(std::string_view& token, bool& whole) {
    bool begins = walk.peek() == '-' || (walk.peek() >= '0' && walk.peek() <= '9');
    return begins ? walk.number(token, whole) : unfit();
  }

  // 3.0 is an integer to JSON Schema, too.
  bool integer() {
    std::string_view token;
    bool whole;
    int64_t number;
    double real;
    if (!take_number(token, whole)) return false;
    if (!whole || !to_integer(token, number)) {
      if (!to_double(token, real) || real != std::floor(real) || std::abs(real) > 9e15) return unfit();
      number = static_cast<int64_t>(real);
    }
    *static_cast<int64_t*>(out) = number;
    return keeps(check_number_rules(static_cast<double>(number), rules, path));
  }

  bool number() {
    std::string_view token;
    bool whole;
    double number;
    if (!take_number(token, whole)) return false;
    if (!to_double(token, number) || !std::isfinite(number)) return unfit();
    *static_cast<double*>(out) = number;
    return keeps(check_number_rules(number, rules, path));
  }

  bool text() {
    std::string_view text;
    if (walk.peek() != '"') return unfit();
    if (!walk.string(text)) return false;
    static_cast<std::string*>(out)->assign(text);
    return keeps(check_string_rules(text, rules, path));
  }

  bool timestamp() {
    std::string_view text;
    if (walk.peek() != '"') return unfit();
    if (!walk.string(text)) return false;
    auto time = parse_time(text);
    if (!time) return unfit();
    static_cast<Timestamp*>(out)->us = *time;
    return true;
  }

  bool boolean() {
    bool truth = walk.peek() == 't';
    if (!truth && walk.peek() != 'f') return unfit();
    *static_cast<bool*>(out) = truth;
    return walk.word(truth ? "true" : "false");
  }

  bool array() {
    size_t count = 0;
    auto element = [&] {
      Path here{&path, {}, count};
      if (++count > rules.length_max) return keeps(check_length_rules(count, rules, "elements", path));
      return Reading{walk, *type.element, no_rules, type.append(out), here, depth + 1}.read();
    };
    return walk.array(element) && keeps(check_length_rules(count, rules, "elements", path));
  }

  bool map() {
    size_t count = 0;
    auto member = [&](std::string_view key) {
      Path here{&path, key, 0};
      if (++count > rules.length_max) return keeps(check_length_rules(count, rules, "members", path));
      return Reading{walk, *type.element, rules, type.insert(out, key), here, depth + 1}.read();
    };
    return walk.object(member) && keeps(check_length_rules(count, rules, "members", path));
  }

  bool object() {
    uint64_t seen = 0;
    auto member = [&](std::string_view key) {
      const FieldInfo* field = field_named(*type.shape, key);
      if (!field) return walk.check(depth + 1);
      if (walk.peek() == 'n' && !field->required() && field->type->kind != TypeKind::raw)
        return walk.word("null");
      Path here{&path, field->name, 0};
      seen |= uint64_t{1} << (field - type.shape->begin());
      return Reading{walk, *field->type, field->rules, field->member(out), here, depth + 1}.read();
    };
    return walk.object(member) && keeps(check_required(*type.shape, seen, &path));
  }

  bool raw() {
    const char* first = walk.here();
    if (!walk.check(depth)) return false;
    static_cast<RawJson*>(out)->text.assign(first, walk.behind());
    return true;
  }
};

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
  if (text.empty()) return Problem{Error::malformed_json, "the body is empty; a JSON value is expected"};
  JsonWalk& walk = thread_walk();
  if (!walk.open(padded_copy(text))) return walk.problem();
  if (walk.peek() != '{' && walk.peek() != '[')
    return Problem{Error::malformed_json, "the body must be a JSON object or array"};
  Path root{nullptr, {}, SIZE_MAX};
  if (!Reading{walk, type, no_rules, value, root, 1}.read()) return walk.problem();
  if (!walk.done()) return Problem{Error::malformed_json, "there is something behind the JSON value"};
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
