// The walk over parts of a document that nobody asked for: structure, escapes, numbers, depth and keys are
// checked.
#include "codec/json_walk.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "src/base/limits.h"

namespace headrace {

namespace od = simdjson::ondemand;

simdjson::padded_string_view padded_copy(std::string_view text) {
  thread_local std::unique_ptr<char[]> buffer;
  thread_local size_t capacity = 0;
  size_t wanted = text.size() + simdjson::SIMDJSON_PADDING;
  if (wanted > capacity || capacity > wanted + (1u << 20)) {
    capacity = std::max<size_t>(wanted, 4096);
    buffer.reset(new char[capacity]);
  }
  std::memcpy(buffer.get(), text.data(), text.size());
  std::memset(buffer.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  return simdjson::padded_string_view(buffer.get(), text.size(), wanted);
}

bool KeySet::add(std::string_view key) {
  for (size_t i = 0; i < count_; ++i)
    if (keys_[i].size == key.size() && std::memcmp(keys_[i].text, key.data(), key.size()) == 0) return false;
  if (count_ < inline_count) {
    keys_[count_++] = {key.data(), key.size()};
    return true;
  }
  // Big objects: sorted, so that an attacker's thousands of keys cost n log n.
  auto at = std::lower_bound(more_.begin(), more_.end(), key);
  if (at != more_.end() && *at == key) return false;
  more_.insert(at, key);
  return true;
}

Result<> open_member(simdjson::simdjson_result<od::field> member, KeySet& keys, std::string_view& key,
                     od::value& value, std::string_view inside) {
  if (auto code = member.unescaped_key().get(key)) return json_problem(code);
  if (!keys.add(key))
    return Problem{Error::malformed_json, std::string(inside) + std::string(key), "the key appears twice"};
  if (auto code = member.value().get(value)) return json_problem(code);
  return Done{};
}

Problem json_problem(simdjson::error_code code) {
  return {Error::malformed_json, simdjson::error_message(code)};
}

namespace {

Result<> check_number(od::value value) {
  od::number number;
  if (auto code = value.get_number().get(number))
    return Problem{Error::malformed_json, code == simdjson::NUMBER_ERROR
                                              ? "a number is malformed or out of range"
                                              : simdjson::error_message(code)};
  return Done{};
}

Result<> check_array(od::value value, size_t depth) {
  od::array array;
  if (auto code = value.get_array().get(array)) return json_problem(code);
  for (auto item : array) {
    od::value inner;
    if (auto code = item.get(inner)) return json_problem(code);
    TRY_DONE(check_whole(inner, depth + 1));
  }
  return Done{};
}

Result<> check_object(od::value value, size_t depth) {
  od::object object;
  if (auto code = value.get_object().get(object)) return json_problem(code);
  KeySet keys;
  for (auto member : object) {
    std::string_view key;
    od::value inner;
    TRY_DONE(open_member(member, keys, key, inner));
    TRY_DONE(check_whole(inner, depth + 1));
  }
  return Done{};
}

}  // namespace

Result<> check_text(std::string_view text, size_t depth) {
  thread_local od::parser parser;
  thread_local std::string padded;
  padded.assign(text);
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  od::document document;
  if (auto code = parser.iterate(padded.data(), text.size(), padded.size()).get(document))
    return json_problem(code);
  od::value top;
  if (auto code = document.get_value().get(top)) return json_problem(code);
  return check_whole(top, depth);
}

bool at_end(od::document& document) {
  const char* location;
  return document.current_location().get(location) == simdjson::OUT_OF_BOUNDS;
}

Result<> check_whole(od::value value, size_t depth) {
  if (depth > limits::json_depth_max)
    return Problem{Error::malformed_json, "nested deeper than " + std::to_string(limits::json_depth_max)};
  od::json_type type;
  if (auto code = value.type().get(type)) return json_problem(code);
  switch (type) {
    case od::json_type::array:
      return check_array(value, depth);
    case od::json_type::object:
      return check_object(value, depth);
    case od::json_type::number:
      return check_number(value);
    case od::json_type::string: {
      std::string_view text;
      if (auto code = value.get_string().get(text)) return json_problem(code);
      return Done{};
    }
    case od::json_type::boolean: {
      bool flag;
      if (auto code = value.get_bool().get(flag)) return json_problem(code);
      return Done{};
    }
    default: {
      bool null;
      if (auto code = value.is_null().get(null)) return json_problem(code);
      if (!null) return Problem{Error::malformed_json, "not a JSON value"};
      return Done{};
    }
  }
}

}  // namespace headrace
