// What one loop knows of credentials: each change holds with the next request, also where the credential was verified before.
#include "src/identity/credentials.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "src/base/limits.h"

namespace headrace {
namespace {

using What = CredentialUpdate::Kind;
constexpr Micros today = 1'760'000'000 * second_us;
const TokenSettings settings{TokenRoot{1}, TokenAlgorithm::eddsa, "i", "a"};

KeyEntry entry(uint64_t id, std::string_view text, Micros expires = never_us) {
  KeyEntry out{.hash = hash_of_key(text), .caller = {}, .expires = expires};
  out.caller.kind = CredentialKind::api_key, out.caller.key_id = id;
  out.caller.roles = {Role::service}, out.caller.scopes = {Scope::events_read, Scope::events_write};
  return out;
}

class CredentialsTest : public testing::Test {
 protected:
  Credentials credentials{settings};

  void put(const KeyEntry& key) {
    CredentialUpdate update{.kind = What::put_key};
    update.key = key;
    credentials.update(update);
  }
  void tell(What kind, uint64_t id, uint32_t version = 0, Micros until = 0) {
    CredentialUpdate update{.kind = kind};
    update.id = id, update.version = version, update.until = until;
    credentials.update(update);
  }
  // "" where it is known, else why not.
  std::string refusal(std::string_view credential, Micros at = today, std::string_view peer = "peer") {
    auto caller = credentials.identify(credential, peer, at);
    return caller.ok() ? "" : caller.problem().text();
  }
  std::string person_token(int64_t number, int64_t version, std::string sid = "00000000000000aa") {
    TokenClaims claims;
    claims.iss = "i", claims.aud = "a", claims.sub = "uuid", claims.sid = std::move(sid);
    claims.iat = today / second_us, claims.exp = claims.iat + 60;
    claims.user_id = number, claims.ver = version, claims.roles = {"customer"}, claims.tenant = "t";
    return write_token(credentials.signing_key(), claims);
  }
  std::string service_token(uint64_t key, std::string scope) {
    TokenClaims claims;
    claims.iss = "i", claims.aud = "a", claims.sub = "key", claims.sid = "00000000000000" + std::to_string(key);
    claims.iat = today / second_us, claims.exp = claims.iat + 60, claims.roles = {"service"}, claims.scope = std::move(scope);
    return write_token(credentials.signing_key(), claims);
  }
};

TEST_F(CredentialsTest, KeysComeChangeAndGo) {
  EXPECT_NE(refusal("k1"), "");
  put(entry(11, "k1"));
  put(entry(13, "k2", today + second_us));
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(refusal("k1"), "");
    EXPECT_EQ(refusal("k2"), "");
  }
  EXPECT_EQ(refusal("k2", today + second_us), "The API key has expired");
  KeyEntry narrow = entry(11, "k1");
  narrow.caller.scopes = {Scope::events_read};
  put(narrow);
  EXPECT_EQ(credentials.identify("k1", "peer", today).ok() && (*credentials.identify("k1", "peer", today))->scopes.has(Scope::events_write), false);
  tell(What::drop_key, 11);
  EXPECT_NE(refusal("k1"), "");
  put(entry(15, "k3"));  // into the slot of k1
  EXPECT_NE(refusal("k1"), "");
  EXPECT_EQ(refusal("k3"), "");
}

TEST_F(CredentialsTest, TokensOfPersonsEndWithVersionSessionAndTime) {
  std::string token = person_token(5, 1);
  EXPECT_NE(refusal(token), "") << "there is no account 5";
  tell(What::set_version, 5, 1);
  EXPECT_EQ(refusal(token), "");
  auto caller = credentials.identify(token, "peer", today);
  ASSERT_TRUE(caller.ok());
  EXPECT_TRUE((*caller)->owns("5"));
  EXPECT_TRUE((*caller)->owns("uuid"));
  EXPECT_FALSE((*caller)->owns("05"));
  EXPECT_FALSE((*caller)->owns(""));
  EXPECT_EQ((*caller)->tenant.view(), "t");
  std::string other = person_token(5, 1, "00000000000000bb");
  EXPECT_EQ(refusal(other), "");
  tell(What::end_session, 0xaa, 0, today + 60 * second_us);
  EXPECT_NE(refusal(token), "");
  EXPECT_EQ(refusal(other), "");
  tell(What::set_version, 5, 2);
  EXPECT_NE(refusal(other), "");
  EXPECT_EQ(refusal(person_token(5, 2, "00000000000000bb")), "");
  tell(What::set_version, 5, 0);
  EXPECT_NE(refusal(person_token(5, 2, "00000000000000bb")), "");
  EXPECT_EQ(refusal(token, today + 60 * second_us), "The token has expired");
}

TEST_F(CredentialsTest, TokensOfServicesAreWorthTheirKey) {
  put(entry(11, "k1"));
  std::string token = service_token(11, "events:read features:read");
  auto caller = credentials.identify(token, "peer", today);
  EXPECT_NE(refusal(token), "");  // sid is hexadecimal: 0x11
  put(entry(0x11, "k2"));
  caller = credentials.identify(token, "peer", today);
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ((*caller)->scopes, ScopeSet{Scope::events_read}) << "not what the key lacks";
  KeyEntry late = entry(0x11, "k2", today + second_us);
  put(late);
  EXPECT_EQ(refusal(token), "");
  EXPECT_NE(refusal(token, today + second_us), "");
  tell(What::drop_key, 0x11);
  EXPECT_NE(refusal(token), "");
}

TEST_F(CredentialsTest, AKeyThatSignedBeforeVerifiesUntilItIsLeftOut) {
  tell(What::set_version, 1, 1);
  std::string old = person_token(1, 1);
  CredentialUpdate rotated{.kind = What::set_token_keys};
  rotated.token_keys = {1, 2};
  credentials.update(rotated);
  std::string fresh = person_token(1, 1, "00000000000000cc");
  EXPECT_EQ(refusal(old), "");
  EXPECT_EQ(refusal(fresh), "");
  rotated.token_keys = {2, 3};
  credentials.update(rotated);
  EXPECT_EQ(refusal(fresh), "");
  EXPECT_NE(refusal(person_token(1, 1).replace(0, 10, "eyJhbGciOi")), "x");
}

TEST_F(CredentialsTest, UsesAreTakenOnce) {
  for (uint64_t id = 1; id < 9; id += 2) put(entry(id, "key" + std::to_string(id)));
  for (int i = 0; i < 3; ++i)
    for (const char* key : {"key1", "key5"}) EXPECT_EQ(refusal(key, today + i), "");
  EXPECT_EQ(credentials.uses(10).size(), 2u);
  EXPECT_EQ(credentials.take_uses(1).size(), 1u);
  auto rest = credentials.take_uses(10);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].at, today + 2);
  EXPECT_TRUE(credentials.take_uses(10).empty());
  EXPECT_EQ(refusal("key5", today + 9), "");
  tell(What::drop_key, 5);
  EXPECT_TRUE(credentials.take_uses(10).empty());
}

TEST_F(CredentialsTest, WhoShowsBadOnesWithoutEndIsNotServed) {
  put(entry(1, "key"));
  tell(What::set_version, 5, 1);
  std::string good = person_token(5, 1), another = person_token(5, 1, "00000000000000bb");
  EXPECT_EQ(refusal(good, today, "flooder"), "");
  std::set<std::string> answers;
  for (int i = 0; i < 2100; ++i) answers.insert(refusal("a.b." + std::to_string(i), today, "flooder"));
  EXPECT_EQ(answers, (std::set<std::string>{"Too many tokens that are not valid", "The token is malformed"}));
  EXPECT_EQ(refusal(good, today, "flooder"), "") << "what is known to be good still passes";
  EXPECT_EQ(refusal("key", today, "flooder"), "") << "a key costs little";
  EXPECT_NE(refusal(another, today, "flooder"), "");
  EXPECT_EQ(refusal(another, today, "somebody"), "");
  EXPECT_EQ(refusal(person_token(5, 1, "00000000000000cc"), today + second_us, "flooder"), "");
}

// Many more credentials than are remembered.
TEST_F(CredentialsTest, RemembersNoOtherThanTheRightOne) {
  const uint64_t count = limits::verified_credentials * 3;
  for (uint64_t id = 1; id <= count; ++id) put(entry(id, "key" + std::to_string(id)));
  for (int round = 0; round < 2; ++round)
    for (uint64_t id = 1; id <= count; ++id) {
      auto caller = credentials.identify("key" + std::to_string(id), "peer", today);
      ASSERT_TRUE(caller.ok());
      ASSERT_EQ((*caller)->key_id, id);
    }
}

}  // namespace
}  // namespace headrace
