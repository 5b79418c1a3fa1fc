// Sessions of persons: signing in, refreshing, signing out. A refresh token names account, session and generation under a
// MAC; a good one of an earlier generation was used before by somebody else, and ends the session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/identity/accounts.h"

namespace headrace {

// What tokens are made for.
struct SessionGrant {
  Account account;
  std::string session;
  int64_t generation = 0;
};

struct SignIn {
  std::string account;        // UUID
  std::string password_hash;  // that the password was held against
};
Result<SessionGrant> decide_sign_in(const Documents& documents, const SignIn& want, const Stamp& stamp, Effects& effects);

// Known or not: an event of the audit, nothing else.
struct SignInFailed {
  std::string account, peer;  // account: empty where nobody has the name
};
Result<Done> decide_sign_in_failed(const Documents& documents, const SignInFailed& want, const Stamp& stamp,
                                   Effects& effects);

struct RefreshClaim {
  uint64_t account = 0, session = 0, generation = 0;
};
Result<SessionGrant> decide_refresh(const Documents& documents, const RefreshClaim& want, const Stamp& stamp,
                                    Effects& effects);

struct SignOut {
  std::string account;
  uint64_t session = 0;
  bool all = false;  // of the account's sessions
};
Result<Done> decide_sign_out(const Documents& documents, const SignOut& want, const Stamp& stamp, Effects& effects);

// The texts of refresh tokens: "hrr_" and base64url of three numbers and their MAC.
using RefreshSecret = std::array<char, 32>;
std::string write_refresh_token(const RefreshSecret& secret, const RefreshClaim& claim);
std::optional<RefreshClaim> read_refresh_token(const RefreshSecret& secret, std::string_view token);

}  // namespace headrace
