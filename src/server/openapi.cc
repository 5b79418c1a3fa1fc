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

std::string parameters(const Route& route) {
  std::string out;
  if (!route.handler.in || !route.handler.in->shape) return out;
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

std::string operation(const Route& route, System system) {
  std::string security = route.role == Role::anyone ? R"("security":[],)" : "";
  return fmt::format(R"("{}":{{"operationId":{},"summary":{},"tags":[{}],"x-role":{},{}{}{}{}}})",
                     lower(name_of(route.method)), quoted(route.handler.name), quoted(route.policy.summary),
                     quoted(name_of(system)), quoted(name_of(route.role)), security, parameters(route),
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
                         fmt::format("{:7} {:44} {:8} {:9} {}\n", name_of(route.method), route.path,
                                     name_of(route.role), name_of(table.system), route.handler.name));
  std::sort(lines.begin(), lines.end());
  std::string out = fmt::format("{:7} {:44} {:8} {:9} {}\n", "#", "path", "role", "system", "operation");
  for (auto& [path, line] : lines) out += line;
  return out;
}

}  // namespace headrace
