// What the routes of accounts share: who is a person, signing in, and how an account looks from outside.
#pragma once

#include <string>

#include "routes/kit/app.h"
#include "routes/kit/handler.h"

namespace headrace {

inline constexpr Permit person = allow(Role::customer, Role::learner, Role::trainer, Role::org_admin, Role::operator_);
inline constexpr Permit anybody_known = person.and_also(Role::service);

// The tokens of a session.
struct Tokens {
  std::string access, refresh;
  int64_t expires_in = 0;  // seconds, of the access token
};
Tokens make_tokens(Call& call, const SessionGrant& grant);

struct SignedIn {
  Account account;
  Tokens tokens;
};
// By user name or address. Nothing in answer or time tells whether the name or the password was wrong.
Task<Result<SignedIn>> sign_in(Call& call, std::string name, std::string password);

struct NewAccount {
  std::string username, email, password, first_name, last_name, phone;
};
struct RegisteredAccount {
  Account account;
  std::string key;  // shown this once
};
Task<Result<RegisteredAccount>> register_person(Call& call, NewAccount want);

// The account of the caller. Error::user_not_found for credentials of no account.
Task<Result<Account>> own_account(Call& call);
// An account by UUID or number, if it is the caller's to see: their own, one of their tenant, or all for the platform.
Task<Result<Account>> account_for(Call& call, std::string id);
// The same without an account, where an error in their stead would tell that it exists.
bool may_see(const Caller& caller, const Account& account);

// Of answers that show a secret.

// SHA-256 of a token that was mailed, as documents have it.
std::string hash_of_token(std::string_view token);

}  // namespace headrace
