// Keys of tenants and of the platform, taken apart and put together.
#include "codec/scoped_key.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(ScopedKey, ComesApartAsItWasPutTogether) {
  for (std::string_view tenant : {"", "shop", "a", "\xc3\xa9t\xc3\xa9"})
    for (std::string_view key : {"u1", "shop", "a/b", "\xc3\xbf", " "}) {
      const std::string whole = scoped(tenant, key);
      EXPECT_EQ(tenant_in(whole), tenant);
      EXPECT_EQ(key_in(whole), key);
    }
}

TEST(ScopedKey, ThePlatformsKeysAreWhatTheyWere) { EXPECT_EQ(scoped("", "u1"), "u1"); }

TEST(ScopedKey, NoKeyStaysNone) {
  EXPECT_EQ(scoped("shop", ""), "");
  EXPECT_EQ(key_in(""), "");
  EXPECT_EQ(tenant_in(""), "");
}

TEST(ScopedKey, NoTwoAreTheSame) {
  EXPECT_NE(scoped("ab", "c"), scoped("a", "bc"));
  EXPECT_NE(scoped("a", "b"), scoped("", "ab"));
}

}  // namespace
}  // namespace headrace
