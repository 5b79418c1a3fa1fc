// API keys: what may be done with them, as decisions over documents.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/identity/effects.h"

namespace headrace {

// Who asks, as far as decisions care; from the credential.
struct Asker {
  RoleSet roles;
  ScopeSet scopes;
  std::string account, tenant;
  int64_t account_number = 0;

  static Asker of(const Caller& caller);
  bool is_admin() const { return roles.has(Role::admin); }
};

// `hash` and `prefix` of a key that was made where it will be shown. Lists that are absent: what the asker has, in an
// admin's case a service with all scopes.
struct CreateKey {
  Asker asker;
  std::string name, hash, prefix;
  std::optional<std::vector<std::string>> roles, scopes;
  std::optional<Timestamp> expires_at;
  std::optional<std::string> rate_class, tenant;  // tenant: an admin's to say
};
Result<ApiKey> decide_create_key(const Documents& documents, const CreateKey& want, const Stamp& stamp, Effects& effects);

struct UpdateKey {
  Asker asker;
  std::string id;
  std::optional<std::string> name, rate_class;
  std::optional<std::vector<std::string>> scopes;
  std::optional<Timestamp> expires_at;
};
Result<ApiKey> decide_update_key(const Documents& documents, const UpdateKey& want, const Stamp& stamp, Effects& effects);

struct RevokeKey {
  Asker asker;
  std::string id;
};
Result<ApiKey> decide_revoke_key(const Documents& documents, const RevokeKey& want, const Stamp& stamp, Effects& effects);

// A key the asker may see, else Error::not_found: whether it exists is nobody else's business.
Result<ApiKey> visible_key(const Documents& documents, const Asker& asker, std::string_view id);

// As loops know it. One of an account that may not sign in is void.
KeyEntry entry_of(const ApiKey& key);

// Used by registration: the key of a new account, without a look at who asks.
Result<> add_key(ApiKey& key, Account* account, const Stamp& stamp, Effects& effects);

}  // namespace headrace
