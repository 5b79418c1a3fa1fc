// JSON to and from values with a shape. Reading is strict: RFC 8259, UTF-8, no duplicate keys, bounded depth,
// numbers in range; a problem names the field and the rule.
#pragma once

#include <string>
#include <string_view>

#include "codec/shape.h"
#include "src/base/result.h"

namespace headrace {

// Reads `text` into `*value` of the given type. Members that the text does not name keep their initialiser.
Result<> read_json(std::string_view text, const TypeInfo& type, void* value);

// Reads one query or path parameter into the member `field` of `*object`, under the field's rules.
Result<> read_parameter(std::string_view text, const FieldInfo& field, void* object);

// Problem unless every required field of `shape` is in `seen` (bit i: field i).
Result<> check_required(const ShapeInfo& shape, uint64_t seen);

void write_json(const TypeInfo& type, const void* value, std::string& out);

template <class T>
Result<T> from_json(std::string_view text) {
  T value{};
  TRY_DONE(read_json(text, type_of<T>(), &value));
  return value;
}

template <class T>
std::string to_json(const T& value) {
  std::string out;
  out.reserve(512);  // most answers, at once
  write_json(type_of<T>(), &value, out);
  return out;
}

// Appends `text` as a JSON string with quotes. Bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// Appends the shortest text that reads back as the same number; null for NaN and infinities. Of a float that is
// less text than of the double it would become, and the same once rounded to float.
void append_json_number(double number, std::string& out);
void append_json_number(float number, std::string& out);

}  // namespace headrace
