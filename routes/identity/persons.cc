// Passwords are hashed in their pool; everything else is a decision of identity.
#include "routes/identity/persons.h"

#include <fmt/format.h>

#include "src/identity/password.h"
#include "storage/checked_lines.h"

namespace headrace {
namespace {

Result<Account> find_by_id(const Documents& documents, const std::string& id) {
  auto account = find_account(documents, id);
  if (!account) return Error::user_not_found;
  return std::move(*account);
}

Result<> check_new(const NewAccount& want) {
  TRY_DONE(check_username(want.username));
  TRY_DONE(check_email(want.email));
  return check_password(want.password);
}

}  // namespace

std::string hash_of_token(std::string_view token) {
  KeyHash hash = hash_of_key(token);
  return hexadecimal({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

Tokens make_tokens(Call& call, const SessionGrant& grant) {
  Identity& identity = call.app.identity;
  const Account& account = grant.account;
  TokenClaims claims;
  claims.iss = identity.tokens().issuer, claims.aud = identity.tokens().audience, claims.sub = account.id;
  claims.iat = call.app.clock.wall() / second_us;
  claims.exp = claims.iat + identity.rules().access_us / second_us;
  claims.user_id = account.number, claims.ver = account.version, claims.sid = grant.session;
  claims.roles = account.roles, claims.tenant = account.tenant;
  RefreshClaim refresh{static_cast<uint64_t>(account.number), number_of_id(grant.session),
                       static_cast<uint64_t>(grant.generation)};
  return {write_token(call.here.credentials->signing_key(), claims),
          write_refresh_token(identity.refresh_secret(), refresh), claims.exp - claims.iat};
}

Task<Result<SignedIn>> sign_in(Call& call, std::string name, std::string password) {
  Identity& identity = call.app.identity;
  auto subject = co_await identity.admit(name, std::string(call.peer.view()));
  if (!subject.ok()) co_return subject.problem();
  Result<bool> right = co_await offload(identity.passwords(), is_password, subject->password_hash, std::move(password));
  if (!right.ok()) co_return right.problem();
  if (!*right) {
    SignInFailed failed{subject->account, std::string(call.peer.view())};
    auto refused = co_await identity.change(decide_sign_in_failed, std::move(failed));
    co_return refused.problem();
  }
  SignIn wish{subject->account, subject->password_hash};
  Result<SessionGrant> grant = co_await identity.change(decide_sign_in, std::move(wish));
  if (!grant.ok()) co_return grant.problem();
  SignedIn out;
  out.tokens = make_tokens(call, *grant);
  out.account = std::move(grant->account);
  co_return out;
}

Task<Result<RegisteredAccount>> register_person(Call& call, NewAccount want) {
  CO_TRY_DONE(check_new(want));
  Identity& identity = call.app.identity;
  auto admitted = co_await identity.admit(want.username, std::string(call.peer.view()));
  if (!admitted.ok()) co_return admitted.problem();
  Result<std::string> hash = co_await offload(identity.passwords(), hash_password, std::move(want.password));
  if (!hash.ok()) co_return hash.problem();
  RegisteredAccount out;
  out.key = make_key();
  std::string token = identity.sends_mail() ? make_secret() : std::string();
  RegisterAccount wish;
  wish.username = want.username, wish.email = want.email, wish.password_hash = *hash;
  wish.first_name = want.first_name, wish.last_name = want.last_name, wish.phone = want.phone;
  wish.key_hash = hash_of_token(out.key), wish.key_prefix = out.key.substr(0, key_prefix_bytes);
  if (!token.empty()) wish.proof_hash = hash_of_token(token);
  Result<Account> account = co_await identity.change(decide_register, std::move(wish));
  if (!account.ok()) co_return account.problem();
  if (!token.empty()) identity.send_verification(*account, token);
  out.account = std::move(*account);
  co_return out;
}

Task<Result<Account>> own_account(Call& call) {
  std::string id(call.caller.account.view());
  if (id.empty()) co_return Problem{Error::user_not_found, "The credential is not of a user"};
  co_return co_await call.app.identity.look(find_by_id, std::move(id));
}

bool may_see(const Caller& caller, const Account& account) {
  if (caller.is(Role::admin) || caller.owns(account.id)) return true;
  return caller.of_platform() || caller.tenant.view() == account.tenant;
}

Task<Result<Account>> account_for(Call& call, std::string id) {
  Result<Account> account = co_await call.app.identity.look(find_by_id, std::move(id));
  if (account.ok() && !may_see(call.caller, *account)) co_return Error::user_not_found;
  co_return account;
}

}  // namespace headrace
