// Nobody gives a key more than they have.
#include "src/identity/api_keys.h"

#include <algorithm>

#include "src/base/limits.h"
#include "src/identity/tables.h"
#include "storage/checked_lines.h"

namespace headrace {
namespace {

constexpr std::string_view rate_class_names[] = {"standard", "elevated", "unlimited"};

Result<RateClass> rate_class_of(std::string_view name, bool admin) {
  auto found = std::ranges::find(rate_class_names, name);
  if (found == std::end(rate_class_names))
    return Problem{Error::invalid_input, "rate_class", "must be standard, elevated or unlimited"};
  if (name != "standard" && !admin)
    return Problem{Error::insufficient_permissions, "rate_class", "only an administrator gives another than standard"};
  return static_cast<RateClass>(found - std::begin(rate_class_names));
}

Result<ScopeSet> scopes_of(const std::vector<std::string>& names, const Asker& asker) {
  std::string wrong;
  auto scopes = parse_scopes(names, wrong);
  if (!scopes) return Problem{Error::invalid_input, "scopes", "there is no scope \"" + wrong + "\""};
  if (scopes->empty()) return Problem{Error::invalid_input, "scopes", "must name one scope at least"};
  if (!asker.is_admin() && !scopes->within(asker.scopes))
    return Problem{Error::insufficient_permissions, "scopes", "may not go beyond those of your credential"};
  return *scopes;
}

Result<RoleSet> roles_of(const std::vector<std::string>& names, const Asker& asker) {
  std::string wrong;
  auto roles = parse_roles(names, wrong);
  if (!roles) return Problem{Error::invalid_input, "roles", "there is no role \"" + wrong + "\""};
  if (roles->empty()) return Problem{Error::invalid_input, "roles", "must name one role at least"};
  if (!asker.is_admin() && !roles->within(asker.roles))
    return Problem{Error::insufficient_permissions, "roles", "may not go beyond your own"};
  return *roles;
}

Result<> check_expiry(const std::optional<Timestamp>& expires, Micros now) {
  if (!expires || expires->us > now) return Done{};
  return Problem{Error::invalid_input, "expires_at", "must be in the future"};
}

// The key of an account that may not sign in is void until it may again.
void tell_key(const ApiKey& key, bool active, Effects& effects) {
  if (!active) return effects.tell(CredentialUpdate::Kind::drop_key, number_of_id(key.id));
  CredentialUpdate update{.kind = CredentialUpdate::Kind::put_key};
  update.key = entry_of(key);
  effects.updates.push_back(update);
}

std::string about(const ApiKey& key) { return object_of({{"key_id", key.id}, {"prefix", key.prefix}}); }

}  // namespace

Asker Asker::of(const Caller& caller) {
  Asker out;
  out.roles = caller.roles, out.scopes = caller.scopes;
  out.account = caller.account.view(), out.tenant = caller.tenant.view();
  out.account_number = static_cast<int64_t>(caller.account_number);
  return out;
}

KeyEntry entry_of(const ApiKey& key) {
  std::string wrong;
  KeyEntry entry;
  CHECK(parse_hexadecimal(key.hash, reinterpret_cast<char*>(entry.hash.data()), entry.hash.size()));
  Caller& caller = entry.caller;
  caller.kind = CredentialKind::api_key, caller.key_id = number_of_id(key.id);
  caller.roles = parse_roles(key.roles, wrong).value_or(RoleSet{});
  caller.scopes = parse_scopes(key.scopes, wrong).value_or(ScopeSet{});
  caller.rate_class = static_cast<RateClass>(std::ranges::find(rate_class_names, key.rate_class) - std::begin(rate_class_names));
  caller.account_number = static_cast<uint64_t>(key.account_number);
  caller.account.assign(key.account), caller.tenant.assign(key.tenant);
  if (key.expires_at) entry.expires = key.expires_at->us;
  return entry;
}

Result<> add_key(ApiKey& key, Account* account, const Stamp& stamp, Effects& effects) {
  if (stamp.keys >= limits::api_keys_max)
    return Problem{Error::overloaded, "The server holds as many API keys as it may"};
  if (account && account->keys.size() >= limits::account_keys_max)
    return Problem{Error::conflict, "An account may have at most 50 API keys; revoke one first"};
  if (account) {
    account->keys.push_back(key.id);
    key.account = account->id, key.account_number = account->number, key.tenant = account->tenant;
  }
  effects.put(tables::api_keys, key.id, key);
  tell_key(key, true, effects);
  return Done{};
}

Result<ApiKey> decide_create_key(const Documents& documents, const CreateKey& want, const Stamp& stamp, Effects& effects) {
  const Asker& asker = want.asker;
  ApiKey key;
  key.id = stamp.id(), key.name = want.name, key.hash = want.hash, key.prefix = want.prefix;
  key.rate_class = want.rate_class.value_or("standard");
  key.expires_at = want.expires_at, key.created_at = {stamp.now, true};
  bool platform = asker.account.empty();
  auto roles = want.roles ? roles_of(*want.roles, asker) : platform ? RoleSet{Role::service} : asker.roles;
  auto scopes = want.scopes ? scopes_of(*want.scopes, asker) : asker.is_admin() ? all_scopes : asker.scopes;
  auto rate_class = rate_class_of(key.rate_class, asker.is_admin());
  if (!roles.ok()) return roles.problem();
  if (!scopes.ok()) return scopes.problem();
  if (!rate_class.ok()) return rate_class.problem();
  TRY_DONE(check_expiry(want.expires_at, stamp.now));
  if (want.tenant && !asker.is_admin())
    return Problem{Error::insufficient_permissions, "tenant", "is that of your credential"};
  key.roles = names_of(*roles), key.scopes = names_of(*scopes);
  key.tenant = want.tenant.value_or(asker.tenant);
  auto account = platform ? std::nullopt : load<Account>(documents, tables::accounts, asker.account);
  if (!platform && !account) return Error::authentication_required;
  TRY_DONE(add_key(key, account ? &*account : nullptr, stamp, effects));
  if (account) effects.put(tables::accounts, account->id, *account);
  effects.record(stamp, "api_key_created", key.account, about(key));
  return key;
}

// An asker sees the keys of the account, an admin all.
Result<ApiKey> visible_key(const Documents& documents, const Asker& asker, std::string_view id) {
  auto key = load<ApiKey>(documents, tables::api_keys, id);
  bool own = key && !asker.account.empty() && key->account == asker.account;
  if (!key || (!asker.is_admin() && !own)) return Problem{Error::not_found, "id", "there is no such API key"};
  return std::move(*key);
}

Result<ApiKey> decide_update_key(const Documents& documents, const UpdateKey& want, const Stamp& stamp, Effects& effects) {
  auto key = visible_key(documents, want.asker, want.id);
  if (!key.ok()) return key.problem();
  TRY_DONE(check_expiry(want.expires_at, stamp.now));
  if (want.name) key->name = *want.name;
  if (want.expires_at) key->expires_at = want.expires_at;
  if (want.rate_class) {
    auto rate_class = rate_class_of(*want.rate_class, want.asker.is_admin());
    if (!rate_class.ok()) return rate_class.problem();
    key->rate_class = *want.rate_class;
  }
  if (want.scopes) {
    auto scopes = scopes_of(*want.scopes, want.asker);
    if (!scopes.ok()) return scopes.problem();
    key->scopes = names_of(*scopes);
  }
  effects.put(tables::api_keys, key->id, *key);
  auto account = load<Account>(documents, tables::accounts, key->account);
  tell_key(*key, key->account.empty() || (account && account->active), effects);
  effects.record(stamp, "api_key_updated", key->account, about(*key));
  return key;
}

Result<ApiKey> decide_revoke_key(const Documents& documents, const RevokeKey& want, const Stamp& stamp, Effects& effects) {
  auto key = visible_key(documents, want.asker, want.id);
  if (!key.ok()) return key.problem();
  effects.erase(tables::api_keys, key->id);
  effects.erase(tables::key_uses, key->id);
  if (auto account = load<Account>(documents, tables::accounts, key->account)) {
    std::erase(account->keys, key->id);
    effects.put(tables::accounts, account->id, *account);
  }
  effects.tell(CredentialUpdate::Kind::drop_key, number_of_id(key->id));
  effects.record(stamp, "api_key_revoked", key->account, about(*key));
  return key;
}

}  // namespace headrace
