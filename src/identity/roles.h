// Roles and scopes: whom a credential speaks for, and what it may be used for. Sets of both are bits.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

enum class Role : uint8_t {
  anyone,     // no credential
  customer,   // a registered person
  learner,    // a person who learns in an organisation
  trainer,    // ...teaches there
  org_admin,  // ...or administers it
  operator_,  // looks after a tenant: sees what is of its people
  service,    // a program
  admin,      // may do everything, in every tenant
};
inline constexpr size_t role_count = 8;

enum class Scope : uint8_t {
  none,  // of a route that needs none
  events_read,
  events_write,
  features_read,
  predictions_read,
  keys_read,
  keys_write,
  account_read,
  account_write,
  users_read,
  users_write,
  tokens_read,
  stores_read,
  stores_write,
};
inline constexpr size_t scope_count = 14;

std::string_view name_of(Role role);
std::string_view name_of(Scope scope);  // "events:write"
std::optional<Role> parse_role(std::string_view name);    // none for "anyone", which nobody is given
std::optional<Scope> parse_scope(std::string_view name);

// A set of the values of a small enum.
template <class E>
class SetOf {
 public:
  constexpr SetOf() = default;
  constexpr SetOf(std::initializer_list<E> members) {
    for (E member : members) add(member);
  }
  constexpr void add(E member) { bits_ |= bit(member); }
  constexpr bool has(E member) const { return (bits_ & bit(member)) != 0; }
  constexpr bool meets(SetOf other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool within(SetOf other) const { return (bits_ & ~other.bits_) == 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr SetOf both(SetOf other) const { return SetOf(bits_ & other.bits_); }
  friend constexpr bool operator==(SetOf, SetOf) = default;

  static constexpr SetOf all(size_t count) { return SetOf((uint32_t{1} << count) - 2); }  // but the first: none

 private:
  constexpr explicit SetOf(uint32_t bits) : bits_(bits) {}
  static constexpr uint32_t bit(E member) { return uint32_t{1} << static_cast<unsigned>(member); }
  uint32_t bits_ = 0;
};
using RoleSet = SetOf<Role>;
using ScopeSet = SetOf<Scope>;
inline constexpr ScopeSet all_scopes = ScopeSet::all(scope_count);

// The one of most weight, for lines of the log; anyone where there is none.
Role foremost(RoleSet roles);

std::vector<std::string> names_of(RoleSet roles);
std::vector<std::string> names_of(ScopeSet scopes);
// Nothing where a name is none of theirs; `wrong` is then that name.
std::optional<RoleSet> parse_roles(const std::vector<std::string>& names, std::string& wrong);
std::optional<ScopeSet> parse_scopes(const std::vector<std::string>& names, std::string& wrong);

}  // namespace headrace
