// Permit: who may pass a route, as its row says it. There is no default, and what is not permitted is denied.
//
//   Role::anyone                                                no credential needed
//   Role::service                                               that role, or admin
//   allow(Role::customer, Role::service).with(Scope::predictions_read)
//   allow(Role::customer).own<&ReadUser::user_id>()             only if the input's field names the caller's own account
//   allow(Role::learner).own<&In::id>().or_any(Role::trainer)   ...but for trainers
//   allow(Role::org_admin).in_tenant<&In::organization>()       only if the field names the caller's own tenant; a key of
//                                                               the platform, which has none, reaches all
//   allow(Role::customer).stored_own()                          the handler compares with who owns what is stored: 404
//
// admin passes all of it. A scope is asked of API keys and service tokens; the token of a person has those of its roles.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "src/identity/caller.h"

namespace headrace {

namespace detail {

template <class T>
consteval std::string_view type_name() {
  return __PRETTY_FUNCTION__;
}

template <class A, class B>
constexpr bool same_member(A a, B b) {
  if constexpr (std::is_same_v<A, B>)
    return a == b;
  else
    return false;
}

template <auto member>
struct MemberOf;
template <class T, class M, M T::*member>
struct MemberOf<member> {
  using Object = T;
  static std::string_view text(const void* object) { return static_cast<const T*>(object)->*member; }
  static constexpr std::string_view name = std::apply(
      [](auto... fields) {
        std::string_view found;
        ((same_member(fields.member, member) ? void(found = fields.name) : void()), ...);
        return found;
      },
      T::shape());
};

}  // namespace detail

// A rule about one field of the input.
struct FieldRule {
  std::string_view input{}, field{};                // type of the input, which must be the handler's; name of the field
  std::string_view (*text)(const void*) = nullptr;  // its value
  explicit constexpr operator bool() const { return !input.empty(); }
};

class Permit {
  template <auto member>
  static constexpr FieldRule rule() {
    using Member = detail::MemberOf<member>;
    return {detail::type_name<typename Member::Object>(), Member::name, &Member::text};
  }
  template <class F>
  constexpr Permit changed(F change) const {
    Permit copy = *this;
    change(copy);
    return copy;
  }

  RoleSet roles_, beyond_;
  ScopeSet scopes_;
  bool stored_own_ = false;
  FieldRule own_, tenant_;

 public:
  constexpr Permit(Role role) { roles_.add(role); }  // NOLINT: a row names its role

  constexpr Permit with(Scope scope) const { return changed([=](Permit& p) { p.scopes_.add(scope); }); }
  template <auto member>
  constexpr Permit own() const {
    return changed([](Permit& p) { p.own_ = rule<member>(); });
  }
  template <auto member>
  constexpr Permit in_tenant() const {
    return changed([](Permit& p) { p.tenant_ = rule<member>(); });
  }
  constexpr Permit stored_own() const { return changed([](Permit& p) { p.stored_own_ = true; }); }
  // These need not own it.
  template <std::same_as<Role>... R>
  constexpr Permit or_any(R... roles) const {
    return changed([=](Permit& p) { ((p.roles_.add(roles), p.beyond_.add(roles)), ...); });
  }
  constexpr Permit and_also(Role role) const { return changed([=](Permit& p) { p.roles_.add(role); }); }

  RoleSet roles() const { return roles_; }
  RoleSet beyond() const { return beyond_; }
  ScopeSet scopes() const { return scopes_; }  // all of them are needed
  constexpr bool open() const { return roles_.has(Role::anyone); }
  constexpr bool stored() const { return stored_own_; }
  constexpr const FieldRule& own_rule() const { return own_; }
  constexpr const FieldRule& tenant_rule() const { return tenant_; }

  bool admits_role(const Caller& caller) const {
    return open() || caller.is(Role::admin) || roles_.meets(caller.roles);
  }
  bool admits_scope(const Caller& caller) const { return scopes_.within(caller.scopes); }
  // Once the input is read.
  bool admits_input(const Caller& caller, const void* input) const {
    if (caller.is(Role::admin)) return true;
    if (own_ && !beyond_.meets(caller.roles) && !caller.owns(own_.text(input))) return false;
    return !tenant_ || caller.of_platform() || caller.tenant.view() == tenant_.text(input);
  }
};

template <std::same_as<Role>... R>
constexpr Permit allow(Role first, R... more) {
  Permit permit(first);
  ((permit = permit.and_also(more)), ...);
  return permit;
}

}  // namespace headrace
