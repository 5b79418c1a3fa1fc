// Tokens from arbitrary bytes: nothing crashes, and none passes that was not signed by us; base64url has one text per value.
#include <cstdint>
#include <string>

#include "codec/base64url.h"
#include "src/base/check.h"
#include "src/identity/sessions.h"

using namespace headrace;

namespace {

const TokenRoot root{7};
const TokenKey keys[] = {TokenKey(root, TokenAlgorithm::eddsa, 1), TokenKey(root, TokenAlgorithm::hs256, 1)};
constexpr Micros now = 1'760'000'000 * second_us;

TokenClaims some_claims() {
  TokenClaims claims;
  claims.iss = claims.aud = "headrace", claims.sub = "someone", claims.sid = "0123456789abcdef";
  claims.iat = now / second_us, claims.exp = claims.iat + 60, claims.user_id = 1, claims.ver = 1;
  return claims;
}

}  // namespace

// The input stands in for a whole token, then for each part of a good one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  if (auto value = parse_base64url(text)) CHECK(base64url(*value) == text);
  CHECK(parse_base64url(base64url(text)) == text);
  const TokenRules rules{"headrace", "headrace", now};
  static const std::string good[] = {write_token(keys[0], some_claims()), write_token(keys[1], some_claims())};
  CHECK(!read_token(text, keys, rules).ok() || text == good[0] || text == good[1]);
  for (const std::string& token : good) {
    size_t first = token.find('.'), second = token.rfind('.');
    const std::string header = token.substr(0, first), claims = token.substr(first + 1, second - first - 1),
                      signature = token.substr(second + 1);
    for (const std::string& given : {text, base64url(text)}) {
      CHECK(given == header || !read_token(given + '.' + claims + '.' + signature, keys, rules).ok());
      CHECK(given == claims || !read_token(header + '.' + given + '.' + signature, keys, rules).ok());
      CHECK(given == signature || !read_token(header + '.' + claims + '.' + given, keys, rules).ok());
    }
  }
  const RefreshSecret secret{9};
  CHECK(!read_refresh_token(secret, text));
  CHECK(!read_refresh_token(secret, "hrr_" + base64url(text)));
  return 0;
}
