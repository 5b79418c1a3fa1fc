// Request targets from arbitrary bytes: what decodes is UTF-8 and decodes from any other spelling to the same, queries end, and
// the router finds a row where, and only where, one of the rows has that path.
#include <cstdint>
#include <string>
#include <vector>

#include "codec/url.h"
#include "codec/utf8.h"
#include "src/base/check.h"
#include "src/server/router.h"

using namespace headrace;

namespace {

// Rows of nothing but a path: the router asks for no more.
constexpr Route row(Method method, std::string_view path) { return {method, path, Role::anyone, {}, {}}; }
constexpr Route rows[] = {
    row(Method::GET, "/"),          row(Method::GET, "/a"),           row(Method::POST, "/a"),     row(Method::GET, "/a/b"),
    row(Method::GET, "/a/{x}"),     row(Method::PUT, "/a/{x}/c"),     row(Method::GET, "/a/b/c"),  row(Method::GET, "/{x}/b/{y}"),
    row(Method::DELETE, "/{x}/b"),  row(Method::GET, "/a/{x}/{y}/c"), row(Method::POST, "/a/b/{z}"),
};
constexpr RouteTable table{System::cart, rows};

std::string every_byte_escaped(std::string_view text) {
  constexpr char digits[] = "0123456789aBcDeF";
  std::string out;
  for (unsigned char c : text) out.append({'%', digits[c >> 4], digits[c & 15]});
  return out;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (size_t at = 1; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

bool has_path(const Route& route, std::string_view path) {
  const auto wanted = segments_of(route.path), given = segments_of(path);
  if (wanted.size() != given.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i].starts_with('{') ? given[i].empty() : wanted[i] != given[i]) return false;
  return true;
}

void check_routes(const Router& router, std::string_view path) {
  std::string_view plain = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  for (Method method : {Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH}) {
    const Router::Match match = router.match(method, path);
    const Method answered = method == Method::HEAD ? Method::GET : method;
    bool any = false;
    if (!plain.empty() && plain[0] == '/')
      for (const Route& route : rows) any |= route.method == answered && has_path(route, plain);
    CHECK((match.route != Router::none) == any);
    if (!any) continue;
    const Route& found = *router.entries()[match.route].route;
    CHECK(found.method == answered && has_path(found, plain));
    CHECK(match.methods >> static_cast<size_t>(answered) & 1);
    for (size_t i = 0; i < match.parameter_count; ++i) CHECK(!match.parameters[i].value.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const Router router({&table, 1});
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  for (bool form : {false, true}) {
    auto decoded = percent_decode(text, form);
    if (!decoded) continue;
    CHECK(is_utf8(*decoded) && decoded->find('\0') == decoded->npos && decoded->size() <= text.size());
    CHECK(percent_decode(every_byte_escaped(*decoded), form) == decoded);
  }
  std::string_view rest = text, name, value;
  size_t taken = 0;
  while (next_parameter(rest, name, value)) {
    taken += name.size() + value.size() + 1;
    CHECK(taken <= text.size() + 1 && name.find('&') == name.npos && value.find('&') == value.npos);
  }
  check_routes(router, text);
  check_routes(router, "/" + text);
  return 0;
}
