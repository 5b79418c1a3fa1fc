// header "." claims "." signature, each in base64url.
#include "src/identity/jwt.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/base64url.h"
#include "codec/json.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr std::string_view token_type = "at+jwt";  // RFC 9068, section 2.1
constexpr Micros clock_skew_us = 5 * second_us;    // between servers that share a directory's key by restore

struct TokenHeader {
  std::string alg, kid, typ;
  std::optional<RawJson> crit, b64;  // extensions that must be understood: we understand none
  static constexpr auto shape() {
    return std::tuple{field("alg", &TokenHeader::alg, "Algorithm"), field("kid", &TokenHeader::kid, "Key"),
                      field("typ", &TokenHeader::typ, "Type"), field("crit", &TokenHeader::crit, "Extensions"),
                      field("b64", &TokenHeader::b64, "RFC 7797")};
  }
};

Problem token_refused(std::string why) { return {Error::authentication_required, "The token " + std::move(why)}; }

Result<> check_claims(const TokenClaims& claims, const TokenRules& rules) {
  if (claims.iss != rules.issuer || claims.aud != rules.audience) return token_refused("is not for this server");
  if (claims.exp * second_us <= rules.now) return token_refused("has expired");
  if (claims.iat * second_us > rules.now + clock_skew_us) return token_refused("is of the future");
  return Done{};
}

}  // namespace

bool looks_like_token(std::string_view credential) { return std::ranges::count(credential, '.') == 2; }

std::string write_token(const TokenKey& key, const TokenClaims& claims) {
  std::string header = fmt::format(R"({{"alg":"{}","kid":"{}","typ":"{}"}})", key.algorithm(), key.kid(), token_type);
  std::string text = base64url(header) + '.' + base64url(to_json(claims));
  return text + '.' + base64url(key.sign(text));
}

Result<TokenClaims> read_token(std::string_view token, std::span<const TokenKey> keys, const TokenRules& rules) {
  if (token.size() > limits::token_bytes_max || !looks_like_token(token)) return token_refused("is malformed");
  size_t first = token.find('.'), second = token.rfind('.');
  auto header_text = parse_base64url(token.substr(0, first));
  auto claims_text = parse_base64url(token.substr(first + 1, second - first - 1));
  auto signature = parse_base64url(token.substr(second + 1));
  if (!header_text || !claims_text || !signature) return token_refused("is malformed");
  auto header = from_json<TokenHeader>(*header_text);
  if (!header.ok() || header->crit || header->b64 || header->typ != token_type) return token_refused("is malformed");
  auto key = std::ranges::find(keys, header->kid, &TokenKey::kid);
  if (key == keys.end() || header->alg != key->algorithm()) return token_refused("is signed by an unknown key");
  if (!key->verify(token.substr(0, second), *signature)) return token_refused("is not signed as it says");
  auto claims = from_json<TokenClaims>(*claims_text);
  if (!claims.ok()) return token_refused("is malformed");
  TRY_DONE(check_claims(*claims, rules));
  return claims;
}

}  // namespace headrace
