// Hashes of passwords are verified, and where there is no account the same work ends in "no".
#include "src/identity/password.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Password, is_known_by_its_hash_only) {
  Result<std::string> hash = hash_password("correct horse");
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(*is_password(*hash, "correct horse"));
  EXPECT_FALSE(*is_password(*hash, "correct horsf"));
  EXPECT_NE(*hash_password("correct horse"), *hash);
}

TEST(Password, of_nobody_is_none) {
  for (int i = 0; i < 20; ++i) {
    Result<bool> answer = is_password("", "correct horse");
    ASSERT_TRUE(answer.ok()) << answer.problem().detail;
    EXPECT_FALSE(*answer);
  }
}

TEST(Password, hash_that_is_none_is_a_problem) { EXPECT_FALSE(is_password("$argon2id$v=19$", "x").ok()); }

}  // namespace
}  // namespace headrace
