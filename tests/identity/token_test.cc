// Tokens against the vectors of their standards, and against everything that must not pass for one.
#include <gtest/gtest.h>

#include <string>

#include "codec/base64url.h"
#include "src/identity/sessions.h"

namespace headrace {
namespace {

constexpr Micros issued = 1'760'000'000 * second_us;
const TokenRoot root{1, 2, 3};
const TokenRules rules{"issuer", "audience", issued};

TokenClaims claims() {
  TokenClaims out;
  out.iss = "issuer", out.aud = "audience", out.sub = "5e0d", out.sid = "00000000000000aa";
  out.iat = issued / second_us, out.exp = out.iat + 60, out.user_id = 7, out.ver = 3;
  out.roles = {"customer"}, out.scope = "events:read", out.tenant = "t";
  return out;
}

std::string signed_by(const TokenKey& key, const std::string& header, const std::string& body) {
  std::string text = base64url(header) + '.' + base64url(body);
  return text + '.' + base64url(key.sign(text));
}

std::string header_of(const TokenKey& key, std::string_view algorithm, std::string_view more = "") {
  return R"({"alg":")" + std::string(algorithm) + R"(","kid":")" + key.kid() + R"(","typ":"at+jwt")" + std::string(more) + "}";
}

std::string refusal(const std::string& token, std::span<const TokenKey> keys, const TokenRules& by = rules) {
  auto read = read_token(token, keys, by);
  return read.ok() ? "" : read.problem().text();
}

// RFC 4648, section 10, without padding; and what is not the one text of a value.
TEST(Base64Url, HasOneTextPerValue) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},         {"f", "Zg"},        {"fo", "Zm8"},
                                                         {"foo", "Zm9v"},  {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"},
                                                         {"\xfb\xff", "-_8"}};
  for (auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64url(bytes), text);
    EXPECT_EQ(parse_base64url(text), bytes);
  }
  for (const char* text : {"Zg==", "Zh", "Z", "Zm9v\n", "Zm+v", "Zm/v", " Zg", "Zm9vY"})
    EXPECT_FALSE(parse_base64url(text)) << text;
}

// RFC 4231, test case 2 has a short key; ours have 32 bytes: RFC 7515, appendix A.1's is longer. So: HMAC by its definition
// of RFC 2104, on the key of 32 bytes 0x0b... of which RFC 4231 case 1 has the first 20.
TEST(Hmac, IsThatOfRfc4231) {
  std::array<char, 32> key{};  // a key shorter than a block is padded with zeros
  std::fill_n(key.begin(), 20, '\x0b');
  const unsigned char want[] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
                                0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
                                0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
  EXPECT_EQ(hmac_sha256(key, "Hi There"), std::string(reinterpret_cast<const char*>(want), sizeof want));
}

class Tokens : public testing::TestWithParam<TokenAlgorithm> {
 protected:
  const TokenKey keys[2] = {TokenKey(root, GetParam(), 1), TokenKey(root, GetParam(), 2)};
  std::string algorithm() const { return std::string(keys[0].algorithm()); }
};

TEST_P(Tokens, SayWhatWasWritten) {
  for (const TokenKey& key : keys) {
    auto read = read_token(write_token(key, claims()), keys, rules);
    ASSERT_TRUE(read.ok()) << read.problem().text();
    EXPECT_EQ(to_json(*read), to_json(claims()));
  }
}

TEST_P(Tokens, AreOfTheirKeyIssuerAudienceAndTime) {
  std::string token = write_token(keys[0], claims());
  EXPECT_EQ(refusal(token, {&keys[1], 1}), "The token is signed by an unknown key");
  EXPECT_EQ(refusal(token, keys, {"other", "audience", issued}), "The token is not for this server");
  EXPECT_EQ(refusal(token, keys, {"issuer", "other", issued}), "The token is not for this server");
  EXPECT_EQ(refusal(token, keys, {"issuer", "audience", issued + 59 * second_us}), "");
  EXPECT_EQ(refusal(token, keys, {"issuer", "audience", issued + 60 * second_us}), "The token has expired");
  EXPECT_EQ(refusal(token, keys, {"issuer", "audience", issued - 60 * second_us}), "The token is of the future");
  TokenKey another(TokenRoot{4}, GetParam(), 1);
  EXPECT_NE(another.kid(), keys[0].kid());
  EXPECT_NE(refusal(signed_by(another, header_of(keys[0], algorithm()), to_json(claims())), keys), "");
}

TEST_P(Tokens, OfAnotherAlgorithmTypeOrWithExtensionsAreRefused) {
  const TokenKey& key = keys[0];
  std::string body = to_json(claims());
  EXPECT_EQ(refusal(signed_by(key, header_of(key, algorithm()), body), keys), "");
  for (std::string other : {"none", "None", "HS256", "HS512", "EdDSA", "RS256", "ES256", ""}) {
    if (other != algorithm()) {
      EXPECT_NE(refusal(signed_by(key, header_of(key, other), body), keys), "") << other;
    }
  }
  EXPECT_NE(refusal(signed_by(key, header_of(key, algorithm(), R"(,"crit":["exp"])"), body), keys), "");
  EXPECT_NE(refusal(signed_by(key, header_of(key, algorithm(), R"(,"b64":false)"), body), keys), "");
  EXPECT_NE(refusal(signed_by(key, R"({"alg":")" + algorithm() + R"(","kid":")" + key.kid() + R"(","typ":"JWT"})", body), keys), "");
  EXPECT_NE(refusal(signed_by(key, R"({"alg":")" + algorithm() + R"(","typ":"at+jwt"})", body), keys), "");
  EXPECT_NE(refusal(signed_by(key, header_of(key, algorithm()), R"({"iss":"issuer"})"), keys), "");
  EXPECT_NE(refusal(signed_by(key, header_of(key, algorithm()), "[]"), keys), "");
}

// Any one bit of it changed, any part left out or added.
TEST_P(Tokens, DoNotBearAChange) {
  const std::string token = write_token(keys[0], claims());
  for (size_t i = 0; i < token.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = token;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      EXPECT_NE(refusal(changed, keys), "") << i << ' ' << bit;
    }
  for (size_t size = 0; size < token.size(); ++size) EXPECT_NE(refusal(token.substr(0, size), keys), "");
  for (const char* more : {".", "=", "A", " ", ".e30"}) EXPECT_NE(refusal(token + more, keys), "");
  EXPECT_NE(refusal(token.substr(0, token.rfind('.') + 1), keys), "");
  EXPECT_NE(refusal(token + std::string(8192, 'A'), keys), "");
}

INSTANTIATE_TEST_SUITE_P(Both, Tokens, testing::Values(TokenAlgorithm::eddsa, TokenAlgorithm::hs256));

TEST(Jwk, IsThatOfRfc8037AndSecretsHaveNone) {
  TokenKey key(root, TokenAlgorithm::eddsa, 1);
  EXPECT_TRUE(key.jwk().starts_with(R"({"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":")")) << key.jwk();
  EXPECT_EQ(TokenKey(root, TokenAlgorithm::hs256, 1).jwk(), "");
  EXPECT_NE(TokenKey(root, TokenAlgorithm::eddsa, 2).kid(), key.kid());
  EXPECT_EQ(TokenKey(root, TokenAlgorithm::eddsa, 1).kid(), key.kid());
}

TEST(RefreshTokens, AreOursOrNothing) {
  const RefreshSecret secret{5}, other{6};
  const std::string token = write_refresh_token(secret, {3, 0xabcdef, 9});
  auto claim = read_refresh_token(secret, token);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->account, 3u);
  EXPECT_EQ(claim->session, 0xabcdefu);
  EXPECT_EQ(claim->generation, 9u);
  EXPECT_FALSE(read_refresh_token(other, token));
  for (size_t i = 0; i < token.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = token;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      EXPECT_FALSE(read_refresh_token(secret, changed));
    }
}

}  // namespace
}  // namespace headrace
