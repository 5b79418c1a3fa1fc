// Every line of the document comes from a row, its handler's types and their shapes.
#include "src/server/openapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "codec/json.h"
#include "codec/schema.h"

namespace headrace {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool in_path(std::string_view path, std::string_view name) {
  return path.find("{" + std::string(name) + "}") != path.npos;
}

bool reads_query(const Route& route) { return route.method == Method::GET || route.method == Method::DELETE; }

std::string schema_of(const TypeInfo& type, const Rules& rules = {}) {
  std::string out;
  write_schema(type, rules, out);
  return out;
}

constexpr std::string_view idempotency_parameter =
    R"({"name":"Idempotency-Key","in":"header","required":false,"description":"The same key and request give the same answer for a day, and are carried out once",)"
    R"("schema":{"type":"string","minLength":1,"maxLength":255}})";

std::string parameters(const Route& route) {
  std::string out;
  if (!route.handler.in || !route.handler.in->shape) return out;
  if (route.policy.keyed) out = idempotency_parameter;
  for (auto& field : *route.handler.in->shape) {
    bool path = in_path(route.path, field.name);
    if (!path && !reads_query(route)) continue;
    out +=
        fmt::format(R"({}{{"name":{},"in":"{}","required":{},"description":{},"schema":{}}})",
                    out.empty() ? "" : ",", quoted(field.name), path ? "path" : "query",
                    path || field.required(), quoted(field.description), schema_of(*field.type, field.rules));
  }
  return out.empty() ? out : "\"parameters\":[" + out + "],";
}

std::string request_body(const Route& route) {
  if (reads_query(route)) return "";
  if (!route.policy.body.empty()) {
    std::string content;
    for (std::string_view rest = route.policy.body; !rest.empty();) {
      std::string_view type = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), type.size() + 1));
      content += fmt::format(R"({}{}:{{"schema":{{}}}})", content.empty() ? "" : ",", quoted(type));
    }
    return R"("requestBody":{"required":true,"content":{)" + content + "}},";
  }
  if (!route.handler.in) return "";
  return fmt::format(R"("requestBody":{{"required":true,"content":{{"application/json":{{"schema":{}}}}}}},)",
                     schema_of(*route.handler.in));
}

std::string responses(const Route& route) {
  if (route.handler.is_socket)
    return R"("x-websocket":true,"responses":{"101":{"description":"The connection is a WebSocket (RFC 6455) from now on"},)"
           R"("426":{"description":"It was no handshake of WebSocket version 13"},)"
           R"("default":{"description":"An error in the form of this system"}})";
  std::string content;
  if (route.handler.out)
    content =
        fmt::format(R"(,"content":{{"application/json":{{"schema":{}}}}})", schema_of(*route.handler.out));
  else if (!route.policy.produces.empty())
    content = fmt::format(R"(,"content":{{{}:{{"schema":{{}}}}}})", quoted(route.policy.produces));
  return fmt::format(
      R"("responses":{{"{}":{{"description":"Success"{}}},"default":{{"description":"An error in the form of this system"}}}})",
      route.policy.status, content);
}

// What a row permits, for machines: tests make every combination from it.
std::string permit_json(const Permit& permit) {
  return fmt::format(R"({{"roles":{},"beyond":{},"scopes":{},"own":{},"tenant":{},"stored":{}}})",
                     to_json(names_of(permit.roles())), to_json(names_of(permit.beyond())),
                     to_json(names_of(permit.scopes())), quoted(permit.own_rule().field), quoted(permit.tenant_rule().field),
                     permit.stored());
}

// "customer|service events:write own(user_id)"
std::string permit_text(const Permit& permit) {
  std::string out = fmt::format("{}", fmt::join(names_of(permit.roles()), "|"));
  for (const std::string& scope : names_of(permit.scopes())) out += " " + scope;
  if (permit.own_rule()) out += fmt::format(" own({})", permit.own_rule().field);
  if (!permit.beyond().empty()) out += fmt::format(" but {}", fmt::join(names_of(permit.beyond()), "|"));
  if (permit.tenant_rule()) out += fmt::format(" tenant({})", permit.tenant_rule().field);
  if (permit.stored()) out += " own";
  return out;
}

std::string operation(const Route& route, System system) {
  std::string security = route.permit.open() ? R"("security":[],)" : "";
  return fmt::format(R"("{}":{{"operationId":{},"summary":{},"tags":[{}],"x-permit":{},{}{}{}{}}})",
                     lower(name_of(route.method)), quoted(route.handler.name), quoted(route.policy.summary),
                     quoted(name_of(system)), permit_json(route.permit), security, parameters(route),
                     request_body(route), responses(route));
}

}  // namespace

std::string openapi_document(std::span<const RouteTable> tables, std::string_view version) {
  std::map<std::string_view, std::string> paths;
  for (auto& table : tables)
    for (auto& route : table.rows) {
      std::string& path = paths[route.path];
      path += (path.empty() ? "" : ",") + operation(route, table.system);
    }
  std::string all;
  for (auto& [path, operations] : paths)
    all += fmt::format("{}{}:{{{}}}", all.empty() ? "" : ",", quoted(path), operations);
  return fmt::format(
      R"({{"openapi":"3.1.0","info":{{"title":"Headrace","version":{},"description":"From event to prediction to action in one process."}},)"
      R"("security":[{{"api_key":[]}},{{"bearer":[]}}],"paths":{{{}}},)"
      R"("components":{{"securitySchemes":{{"api_key":{{"type":"apiKey","in":"header","name":"X-API-Key"}},)"
      R"("bearer":{{"type":"http","scheme":"bearer"}}}}}}}})",
      quoted(version), all);
}

std::string route_list(std::span<const RouteTable> tables) {
  std::vector<std::pair<std::string_view, std::string>> lines;
  for (auto& table : tables)
    for (auto& route : table.rows)
      lines.emplace_back(route.path,
                         fmt::format("{:7} {:44} {:9} {:30} {}\n", name_of(route.method), route.path,
                                     name_of(table.system), route.handler.name, permit_text(route.permit)));
  std::sort(lines.begin(), lines.end());
  std::string out = fmt::format("{:7} {:44} {:9} {:30} {}\n", "#", "path", "system", "operation", "permitted");
  for (auto& [path, line] : lines) out += line;
  return out;
}

}  // namespace headrace
