// Filling the input of a handler: path parameters, then the query (GET, HEAD, DELETE) or the body.
#include <algorithm>
#include <span>

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

// The parameters of the path; `seen` has a bit for each field.
Result<> read_path(const Call& call, const ShapeInfo& shape, void* input, uint64_t& seen) {
  for (size_t i = 0; i < call.path_parameter_count; ++i) {
    auto& parameter = call.path_parameters[i];
    const FieldInfo* field = field_named(shape, parameter.name);
    if (!field) continue;
    auto text = percent_decode(parameter.value, false);
    if (!text || text->empty())
      return Problem{Error::invalid_input, std::string(parameter.name), "is not well formed"};
    TRY_DONE(read_parameter(*text, *field, input));
    seen |= uint64_t{1} << (field - shape.begin());
  }
  return Done{};
}

bool is_in_path(const Call& call, std::string_view field) {
  auto parameters = std::span(call.path_parameters).first(call.path_parameter_count);
  return std::ranges::find(parameters, field, &Call::PathParameter::name) != parameters.end();
}

// Whether all that the row's rules are about stands in the path, so that who is refused need not send a good body.
bool path_decides(const Call& call) {
  const Permit& permit = call.route->permit;
  auto in_path = [&](const FieldRule& rule) { return !rule || is_in_path(call, rule.field); };
  return (permit.own_rule() || permit.tenant_rule()) && in_path(permit.own_rule()) && in_path(permit.tenant_rule());
}

}  // namespace

// The path is read last: what a body says of a field that stands there counts for nothing.
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
  TRY_DONE(read_path(call, *type.shape, input, seen));
  return by_query ? check_required(*type.shape, seen) : Result<>(Done{});
}

Result<> read_permitted(const Call& call, const TypeInfo& type, void* input) {
  const Permit& permit = call.route->permit;
  if (path_decides(call)) {
    uint64_t seen = 0;
    TRY_DONE(read_path(call, *type.shape, input, seen));
    if (!permit.admits_input(call.caller, input)) return Error::insufficient_permissions;
  }
  TRY_DONE(read_input(call, type, input));
  return permit.admits_input(call.caller, input) ? Result<>(Done{}) : Error::insufficient_permissions;
}

}  // namespace headrace
