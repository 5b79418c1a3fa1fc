// The names of roles and scopes.
#include "src/identity/roles.h"

#include <array>

namespace headrace {
namespace {

constexpr std::array<std::string_view, role_count> role_names = {
    "anyone", "customer", "learner", "trainer", "org_admin", "operator", "service", "admin"};
constexpr std::array<std::string_view, scope_count> scope_names = {
    "none",         "events:read",   "events:write", "features:read", "predictions:read", "keys:read",
    "keys:write",   "account:read",  "account:write", "users:read",    "users:write",      "tokens:read",
    "stores:read",  "stores:write"};

template <class E, size_t count>
std::optional<E> parse(std::string_view name, const std::array<std::string_view, count>& names) {
  for (size_t i = 1; i < count; ++i)
    if (names[i] == name) return static_cast<E>(i);
  return std::nullopt;
}

template <class E, size_t count>
std::vector<std::string> list(SetOf<E> set, const std::array<std::string_view, count>& names) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i)
    if (set.has(static_cast<E>(i))) out.emplace_back(names[i]);
  return out;
}

template <class E, size_t count>
std::optional<SetOf<E>> parse_all(const std::vector<std::string>& texts, std::string& wrong,
                                  const std::array<std::string_view, count>& names) {
  SetOf<E> out;
  for (const std::string& text : texts) {
    auto one = parse<E>(text, names);
    if (!one) {
      wrong = text;
      return std::nullopt;
    }
    out.add(*one);
  }
  return out;
}

}  // namespace

std::string_view name_of(Role role) { return role_names[static_cast<size_t>(role)]; }
std::string_view name_of(Scope scope) { return scope_names[static_cast<size_t>(scope)]; }
std::optional<Role> parse_role(std::string_view name) { return parse<Role>(name, role_names); }
std::optional<Scope> parse_scope(std::string_view name) { return parse<Scope>(name, scope_names); }

Role foremost(RoleSet roles) {
  for (size_t i = role_count; i-- > 0;)
    if (roles.has(static_cast<Role>(i))) return static_cast<Role>(i);
  return Role::anyone;
}

std::vector<std::string> names_of(RoleSet roles) { return list(roles, role_names); }
std::vector<std::string> names_of(ScopeSet scopes) { return list(scopes, scope_names); }

std::optional<RoleSet> parse_roles(const std::vector<std::string>& names, std::string& wrong) {
  return parse_all<Role>(names, wrong, role_names);
}
std::optional<ScopeSet> parse_scopes(const std::vector<std::string>& names, std::string& wrong) {
  return parse_all<Scope>(names, wrong, scope_names);
}

}  // namespace headrace
