// The signing key of a data directory: made once, kept to itself, replaced when it is lost, believed by its
// public half.
#include "storage/signing_key.h"

#include <sys/stat.h>

#include "storage/checked_lines.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

class SigningKeys : public ::testing::Test {
 protected:
  std::unique_ptr<DataDirectory> open() {
    auto opened = DataDirectory::open(scratch.path(), {.partitions_if_new = 1});
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.problem().text());
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  std::string problem() {
    auto opened = DataDirectory::open(scratch.path(), {.partitions_if_new = 1});
    return opened.ok() ? "" : opened.problem().text();
  }
  std::string path() const { return scratch.path() + "/KEY"; }
  std::string manifest() const { return scratch.path() + "/MANIFEST"; }

  ScratchDirectory scratch;
};

TEST_F(SigningKeys, AnswerToTheTestVectorsOfRfc8032) {
  PublicKey key;
  Signature signature;
  ASSERT_TRUE(
      parse_hexadecimal("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", key.data(), 32));
  ASSERT_TRUE(
      parse_hexadecimal("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
                        signature.data(), 64));
  EXPECT_TRUE(verify("", signature, key));
  EXPECT_FALSE(verify("a", signature, key));
}

TEST_F(SigningKeys, SignAndNoBitMayChange) {
  SigningKey key = SigningKey::make();
  const std::string text = "lsn 4..6\n";
  const Signature signature = key.sign(text);
  EXPECT_TRUE(verify(text, signature, key.public_key()));
  EXPECT_FALSE(verify(text, signature, SigningKey::make().public_key()));
  for (size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    Signature other = signature;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(verify(text, other, key.public_key())) << bit;
  }
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string other = text;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(verify(other, signature, key.public_key())) << bit;
  }
}

TEST_F(SigningKeys, AreMadeWithTheDirectoryAndReadableByItsOwnerOnly) {
  PublicKey made = open()->signing_key().public_key();
  struct stat about;
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  auto again = open();
  EXPECT_EQ(again->signing_key().public_key(), made);
  EXPECT_EQ(again->signers(), std::vector{made});
  EXPECT_EQ(again->place(0).signers, std::vector{made});
  EXPECT_FALSE(again->key_replaced());
  EXPECT_NE(slurp(manifest()).find("keys " + to_text(made)), std::string::npos);
  Lines lines = parse_checked_lines(slurp(path()));
  EXPECT_EQ(slurp(manifest()).find(lines["private"]), std::string::npos);
}

TEST_F(SigningKeys, ADirectoryWithoutOneGetsItAtTheNextStart) {
  open();
  std::string text = slurp(manifest());
  spill(manifest(), with_checksum(text.substr(0, text.find("keys "))));  // as an older version left it
  fs::remove(path());
  auto reader = DataDirectory::open(scratch.path(), {.access = Access::read_only});
  ASSERT_TRUE(reader.ok()) << "reading needs no key";
  EXPECT_TRUE((*reader)->signers().empty());
  auto opened = open();
  EXPECT_EQ(opened->signers().size(), 1u);
  EXPECT_FALSE(opened->key_replaced());
}

TEST_F(SigningKeys, ALostOneIsReplacedAndWhatItSignedStaysValid) {
  auto first = open();
  PublicKey lost = first->signing_key().public_key();
  first.reset();
  fs::remove(path());
  auto second = open();
  EXPECT_TRUE(second->key_replaced());
  ASSERT_EQ(second->signers().size(), 2u);
  EXPECT_EQ(second->signers()[0], lost);
  EXPECT_EQ(second->signers()[1], second->signing_key().public_key());
  PublicKey present = second->signers()[1];
  second.reset();
  EXPECT_EQ(open()->signers(), (std::vector{lost, present}));
}

TEST_F(SigningKeys, ACrashBeforeTheManifestKnowsItLosesNothing) {
  open();
  std::string whole = slurp(manifest());
  PublicKey made = open()->signing_key().public_key();
  spill(manifest(), with_checksum(whole.substr(0, whole.find("keys "))));
  EXPECT_EQ(open()->signers(), std::vector{made});
  EXPECT_EQ(slurp(manifest()), whole);
}

TEST_F(SigningKeys, OneWhoseManifestAPowerCutTookBackIsMadeAnew) {
  PublicKey lost = open()->signing_key().public_key();
  fs::remove(manifest());
  auto again = open();
  EXPECT_NE(again->signing_key().public_key(), lost);
  EXPECT_EQ(again->signers(), std::vector{again->signing_key().public_key()});
}

TEST_F(SigningKeys, ADamagedOrForeignFileIsRefusedByName) {
  open();
  std::string whole = slurp(path());
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    spill(path(), bytes);
    ASSERT_NE(problem().find(path()), std::string::npos) << at;
    ASSERT_EQ(problem().find(parse_checked_lines(whole)["private"]), std::string::npos);
    spill(path(), std::string_view(whole).substr(0, at));
    ASSERT_NE(problem().find(path()), std::string::npos) << at;
  }
  ScratchDirectory other;
  ASSERT_TRUE(DataDirectory::open(other.path(), {.partitions_if_new = 1}).ok());
  spill(path(), slurp(other.path() + "/KEY"));
  EXPECT_NE(problem().find("another data directory"), std::string::npos);
  spill(path(), whole);
  EXPECT_EQ(problem(), "");
}

}  // namespace
}  // namespace headrace::testing_support
