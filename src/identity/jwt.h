// JSON Web Tokens (RFC 7519) as signed texts (RFC 7515, compact), under the advice of RFC 8725: the algorithm belongs to
// the key and is never the token's to choose, issuer, audience, type and expiry are always checked.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/shape.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/identity/token_key.h"

namespace headrace {

// The claims of our tokens. Those of a person name the account, its session and session version; those of a service the
// API key they were given for.
struct TokenClaims {
  std::string iss, sub, aud;
  int64_t iat = 0, exp = 0;  // seconds since 1970
  int64_t user_id = 0, ver = 0;
  std::string sid;  // session of a person, or key of a service: 16 hexadecimal digits
  std::vector<std::string> roles;
  std::string scope;   // separated by blanks (RFC 8693, section 4.2)
  std::string tenant;
  static constexpr auto shape() {
    return std::tuple{field("iss", &TokenClaims::iss, "Issuer"),
                      field("sub", &TokenClaims::sub, "Account, or \"key:\" and an API key"),
                      field("aud", &TokenClaims::aud, "Audience"),
                      field("iat", &TokenClaims::iat, "Issued at", between(0, 1e11)),
                      field("exp", &TokenClaims::exp, "Expires at", between(0, 1e11)),
                      field("user_id", &TokenClaims::user_id, "Number of the account", optional_field),
                      field("ver", &TokenClaims::ver, "Session version of the account", optional_field),
                      field("sid", &TokenClaims::sid, "Session or key", length(16, 16)),
                      field("roles", &TokenClaims::roles, "Roles"),
                      field("scope", &TokenClaims::scope, "Scopes", optional_field),
                      field("tenant", &TokenClaims::tenant, "Tenant", length(0, limits::tenant_bytes_max), optional_field)};
  }
};

std::string write_token(const TokenKey& key, const TokenClaims& claims);

// What the token says, once it was found to be signed by one of `keys`, for `issuer` and `audience`, and not expired at
// `now`. Error::authentication_required with a sentence that says why not.
struct TokenRules {
  std::string_view issuer, audience;
  Micros now;
};
Result<TokenClaims> read_token(std::string_view token, std::span<const TokenKey> keys, const TokenRules& rules);

// Whether a credential has the form of a token at all: two points.
bool looks_like_token(std::string_view credential);

}  // namespace headrace
