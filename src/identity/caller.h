// Caller: who is calling, as the credential says. Whatever a request claims about tenant or account is held against it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "codec/scoped_key.h"
#include "src/base/limits.h"
#include "src/base/short_text.h"
#include "src/base/time.h"
#include "src/identity/roles.h"

namespace headrace {

enum class CredentialKind : uint8_t { none, open, api_key, user_token, service_token };

inline constexpr Micros never_us = std::numeric_limits<Micros>::max();

// How much a credential may ask for (rate_limit.h).
enum class RateClass : uint8_t { standard, elevated, unlimited };

using Tenant = ShortText<limits::tenant_bytes_max>;  // organisation or store; empty: of the platform, none

struct Caller {
  CredentialKind kind = CredentialKind::none;
  RateClass rate_class = RateClass::standard;
  RoleSet roles = {Role::anyone};
  ScopeSet scopes;
  uint64_t key_id = 0;          // of the API key, also behind a service token; 0 for none
  uint64_t account_number = 0;  // the numeric user_id; 0: no account
  uint64_t session = 0;         // that a user's token belongs to
  Micros expires = never_us;    // the credential
  uint32_t version = 0;         // of the account, for tokens of persons
  ShortText<36> account;        // its UUID; empty: no account
  Tenant tenant;

  bool known() const { return kind != CredentialKind::none; }
  bool is(Role role) const { return roles.has(role); }
  // Neither of a person nor of a tenant.
  bool of_platform() const { return known() && account_number == 0 && tenant.empty(); }
  // What the caller calls `name`, as a key (codec/scoped_key.h).
  std::string key_of(std::string_view name) const { return scoped(tenant.view(), name); }
  // Whether `id` names this caller's account: the UUID or the number.
  bool owns(std::string_view id) const;
};

}  // namespace headrace
