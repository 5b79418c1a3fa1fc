// Filling the input of a handler: path parameters, then the query (GET, HEAD, DELETE) or the body.
#include <algorithm>

#include "codec/url.h"
#include "routes/kit/handler.h"

namespace headrace {
namespace {

const FieldInfo* field_named(const ShapeInfo& shape, std::string_view name) {
  for (auto& field : shape)
    if (field.name == name) return &field;
  return nullptr;
}

// Unknown parameters are ignored; a known one given twice is refused, since nobody can tell which was meant.
Result<> read_query(std::string_view query, const ShapeInfo& shape, void* input, uint64_t& seen) {
  std::string_view name, value;
  while (next_parameter(query, name, value)) {
    const FieldInfo* field = field_named(shape, name);
    if (!field) continue;
    uint64_t bit = uint64_t{1} << (field - shape.begin());
    if (seen & bit) return Problem{Error::invalid_input, std::string(name), "is given more than once"};
    auto text = percent_decode(value, true);
    if (!text)
      return Problem{Error::invalid_input, std::string(name), "is not well-formed percent-encoded UTF-8"};
    seen |= bit;
    if (text->empty() && !field->required()) continue;
    TRY_DONE(read_parameter(*text, *field, input));
  }
  return Done{};
}

bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

}  // namespace

Result<> read_input(const Call& call, const TypeInfo& type, void* input) {
  const Request& request = call.request();
  uint64_t seen = 0;
  bool by_query =
      request.method == Method::GET || request.method == Method::HEAD || request.method == Method::DELETE;
  if (by_query) {
    TRY_DONE(read_query(request.query, *type.shape, input, seen));
  } else {
    if (!is_json(request.headers.known(Known::content_type)))
      return Problem{Error::unsupported_media_type, "Content-Type", "must be application/json"};
    TRY_DONE(read_json(request.body, type, input));
  }
  for (size_t i = 0; i < call.path_parameter_count; ++i) {
    auto& parameter = call.path_parameters[i];
    const FieldInfo* field = field_named(*type.shape, parameter.name);
    if (!field) continue;
    auto text = percent_decode(parameter.value, false);
    if (!text || text->empty())
      return Problem{Error::invalid_input, std::string(parameter.name), "is not well formed"};
    TRY_DONE(read_parameter(*text, *field, input));
    seen |= uint64_t{1} << (field - type.shape->begin());
  }
  return by_query ? check_required(*type.shape, seen) : Result<>(Done{});
}

}  // namespace headrace
