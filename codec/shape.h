// Shapes: what a struct looks like from the outside. From one shape() come the JSON reader and writer,
// validation, query and path parameters, JSON Schema and the check of replies.
//
//   struct CreateAlert {
//     std::string name;
//     std::optional<int64_t> cooldown_s;
//     static constexpr auto shape() { return std::tuple{
//         field("name", &CreateAlert::name, "Shown in the inbox", length(1, 80)),
//         field("cooldown_s", &CreateAlert::cooldown_s, "Quiet time between firings, seconds", between(0,
//         86'400))}; }
//   };
//
// Members may be bool, int64_t, double, std::string, Timestamp, RawJson, a struct with a shape,
// std::optional, std::vector or std::map<std::string, ...> of these; of what is only written also float,
// std::string_view and Written<T>. A member that is no optional is required unless the rule `optional_field` says that its
// initialiser is the default.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/base/time.h"

namespace headrace {

// A time that reads and writes as ISO 8601. Without a zone it is UTC.
struct Timestamp {
  Micros us = 0;
  bool zone = true;  // write a trailing Z; the documents of `stream` show none
};

// JSON kept as text: valid, checked when read.
struct RawJson {
  std::string text;
};

// A T as the JSON text it became where it was made.
template <class T>
struct Written {
  std::string text;
};

// single (a float), view and written: only to be written.
enum class TypeKind : uint8_t {
  boolean, integer, number, single, string, view, timestamp, raw, written, array, map, object
};

struct ShapeInfo;

// How the generic codecs touch a value of one C++ type: a table of plain functions instead of a template
// each.
struct TypeInfo {
  TypeKind kind;
  bool optional = false;              // std::optional: `emplace` and `get` lead to the value inside
  const TypeInfo* element = nullptr;  // of an array or map, or what was written
  const ShapeInfo* shape = nullptr;   // of an object
  void* (*emplace)(void*) = nullptr;
  const void* (*get)(const void*) = nullptr;  // nullptr where the optional is empty
  void* (*append)(void*) = nullptr;           // array: a new last element
  size_t (*size)(const void*) = nullptr;
  const void* (*at)(const void*, size_t) = nullptr;
  void* (*insert)(void*, std::string_view) = nullptr;  // map: the element of this key
  void (*each)(const void*, void* context, void (*visit)(void*, std::string_view, const void*)) = nullptr;
};

struct Rules {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  size_t length_min = 0;
  size_t length_max = std::numeric_limits<size_t>::max();
  std::array<std::string_view, 12> choices{};
  size_t choice_count = 0;
  bool has_default = false;
  std::string_view example{};  // JSON text, shown in OpenAPI
};

struct FieldInfo {
  std::string_view name, description;
  std::string_view json_key;  // ,"name":
  Rules rules;
  const TypeInfo* type;
  void* (*member)(void*);

  bool required() const { return !type->optional && !rules.has_default; }
  const void* member_of(const void* object) const { return member(const_cast<void*>(object)); }
};

struct ShapeInfo {
  const FieldInfo* fields;
  size_t count;
  const FieldInfo* begin() const { return fields; }
  const FieldInfo* end() const { return fields + count; }
};

// --- words used inside shape() -----------------------------------------------------------------------------

template <class T, class M>
struct Field {
  std::string_view name;
  M T::*member;
  std::string_view description;
  Rules rules;
};

constexpr auto length(size_t min, size_t max) {
  return [=](Rules& r) { r.length_min = min, r.length_max = max; };
}
constexpr auto between(double min, double max) {
  return [=](Rules& r) { r.min = min, r.max = max; };
}
template <class... Names>
constexpr auto one_of(Names... names) {
  static_assert(sizeof...(names) <= 12, "one_of takes at most twelve choices");
  return [=](Rules& r) {
    for (std::string_view name : {std::string_view(names)...}) r.choices[r.choice_count++] = name;
  };
}
constexpr auto example(std::string_view json) {
  return [=](Rules& r) { r.example = json; };
}
inline constexpr auto optional_field = [](Rules& r) { r.has_default = true; };

template <class T, class M, class... R>
constexpr Field<T, M> field(std::string_view name, M T::*member, std::string_view description, R... rules) {
  Field<T, M> out{name, member, description, {}};
  (rules(out.rules), ...);
  return out;
}

// --- from a C++ type to its TypeInfo -----------------------------------------------------------------------

template <class T>
concept Shaped = requires {
  T::shape();
};

namespace shapes {

template <class T>
struct Describe;

template <class T>
inline constexpr TypeInfo type_info = Describe<T>::info();

template <TypeKind kind>
struct Plain {
  static constexpr TypeInfo info() { return {.kind = kind}; }
};
template <>
struct Describe<bool> : Plain<TypeKind::boolean> {};
template <>
struct Describe<int64_t> : Plain<TypeKind::integer> {};
template <>
struct Describe<double> : Plain<TypeKind::number> {};
template <>
struct Describe<std::string> : Plain<TypeKind::string> {};
template <>
struct Describe<float> : Plain<TypeKind::single> {};
template <>
struct Describe<std::string_view> : Plain<TypeKind::view> {};
template <>
struct Describe<Timestamp> : Plain<TypeKind::timestamp> {};
template <>
struct Describe<RawJson> : Plain<TypeKind::raw> {};

template <class T>
struct Describe<Written<T>> {
  static constexpr TypeInfo info() { return {.kind = TypeKind::written, .element = &type_info<T>}; }
};

template <class T>
struct Describe<std::optional<T>> {
  static void* emplace(void* o) { return &static_cast<std::optional<T>*>(o)->emplace(); }
  static const void* get(const void* o) {
    auto& value = *static_cast<const std::optional<T>*>(o);
    return value ? &*value : nullptr;
  }
  static constexpr TypeInfo info() {
    TypeInfo inner = Describe<T>::info();
    inner.optional = true, inner.emplace = emplace, inner.get = get;
    return inner;
  }
};

template <class T>
struct Describe<std::vector<T>> {
  using V = std::vector<T>;
  static void* append(void* v) { return &static_cast<V*>(v)->emplace_back(); }
  static size_t size(const void* v) { return static_cast<const V*>(v)->size(); }
  static const void* at(const void* v, size_t i) { return &(*static_cast<const V*>(v))[i]; }
  static constexpr TypeInfo info() {
    return {.kind = TypeKind::array, .element = &type_info<T>, .append = append, .size = size, .at = at};
  }
};

template <class T>
struct Describe<std::map<std::string, T>> {
  using M = std::map<std::string, T>;
  static void* insert(void* m, std::string_view key) { return &(*static_cast<M*>(m))[std::string(key)]; }
  static size_t size(const void* m) { return static_cast<const M*>(m)->size(); }
  static void each(const void* m, void* context, void (*visit)(void*, std::string_view, const void*)) {
    for (auto& [key, value] : *static_cast<const M*>(m)) visit(context, key, &value);
  }
  static constexpr TypeInfo info() {
    return {.kind = TypeKind::map, .element = &type_info<T>, .size = size, .insert = insert, .each = each};
  }
};

template <class T, size_t I>
void* member(void* object) {
  constexpr auto f = std::get<I>(T::shape());
  return &(static_cast<T*>(object)->*(f.member));
}

template <class T, size_t I>
inline constexpr auto json_key = [] {
  constexpr std::string_view name = std::get<I>(T::shape()).name;
  std::array<char, name.size() + 4> out{',', '"'};
  std::copy(name.begin(), name.end(), out.begin() + 2);
  out[name.size() + 2] = '"', out[name.size() + 3] = ':';
  return out;
}();

template <class T, class M>
constexpr const TypeInfo* type_of(const Field<T, M>&) {
  return &type_info<M>;
}

template <class T>
struct Fields {
  static constexpr size_t count = std::tuple_size_v<decltype(T::shape())>;
  template <size_t... I>
  static constexpr std::array<FieldInfo, count> make(std::index_sequence<I...>) {
    constexpr auto s = T::shape();
    return {FieldInfo{std::get<I>(s).name, std::get<I>(s).description,
                      {json_key<T, I>.data(), json_key<T, I>.size()}, std::get<I>(s).rules,
                      type_of(std::get<I>(s)), member<T, I>}...};
  }
  static constexpr std::array<FieldInfo, count> table = make(std::make_index_sequence<count>{});
  static constexpr ShapeInfo info{table.data(), count};
};

template <Shaped T>
struct Describe<T> {
  static constexpr TypeInfo info() { return {.kind = TypeKind::object, .shape = &Fields<T>::info}; }
};

}  // namespace shapes

// The TypeInfo of T.
template <class T>
constexpr const TypeInfo& type_of() {
  return shapes::type_info<T>;
}

}  // namespace headrace
