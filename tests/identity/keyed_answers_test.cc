// Claims and answers as decisions over real documents: once, again, by another request, by another run, and after they expired.
#include "src/identity/keyed_answers.h"

#include "src/base/limits.h"
#include "src/identity/sealed.h"
#include "src/identity/tables.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

class KeyedAnswers : public ::testing::Test {
 protected:
  void SetUp() override { bench.open(); }

  const Documents& documents() { return bench.partition->documents(); }

  template <class Out, class Want>
  Result<Out> change(Result<Out> (*decide)(const Documents&, const Want&, const Stamp&, Effects&), const Want& want) {
    Effects effects;
    Result<Out> out = decide(documents(), want, Stamp{now, thread_random(), 0, 0, 0}, effects);
    if (!effects.change.empty()) {
      EXPECT_TRUE(bench.partition->commit(effects.change).ok());
    }
    return out;
  }
  Result<KeyedAnswer> claim(const std::string& document, const std::string& request = "r", const std::string& run = "one") {
    return change(decide_claim_key, ClaimKey{document, request, run});
  }
  void keep(const std::string& document, int64_t status, const std::string& sealed = "") {
    EXPECT_TRUE(change(decide_keep_answer, KeepAnswer{document, status, "application/json", sealed}).ok());
  }
  size_t count(uint8_t table) {
    size_t n = 0;
    documents().scan(table, {}, [&](std::string_view, std::string_view) { return ++n, true; });
    return n;
  }
  void expect_held(size_t wanted) {
    EXPECT_EQ(count(tables::keyed_answers), wanted);
    EXPECT_EQ(count(tables::keyed_answer_times), wanted);
    EXPECT_EQ(load<IdentityCounters>(documents(), tables::identity_counters, "all")->keyed_answers,
              static_cast<int64_t>(wanted));
  }

  Micros now = 1'700'000'000'000'000;
  ScratchDirectory scratch;
  Bench bench{scratch.path()};
};

TEST_F(KeyedAnswers, are_given_again) {
  ASSERT_TRUE(claim("a").ok());
  EXPECT_EQ(claim("a").problem().error, Error::conflict) << "not answered yet";
  keep("a", 201, "body");
  auto again = claim("a");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status, 201);
  EXPECT_EQ(again->sealed, "body");
  EXPECT_EQ(claim("a", "r", "two")->status, 201) << "also by the next run";
  EXPECT_EQ(claim("a", "other").problem().error, Error::idempotency_key_reused);
  EXPECT_EQ(claim("b", "other")->status, 0);
  expect_held(2);
}

TEST_F(KeyedAnswers, of_a_run_that_ended_are_refused) {
  ASSERT_TRUE(claim("a").ok());
  auto later = claim("a", "r", "two");
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.problem().error, Error::conflict);
  EXPECT_EQ(later.problem().retry_after_s, 0) << "trying again does not help";
}

TEST_F(KeyedAnswers, that_were_none_may_be_asked_again) {
  ASSERT_TRUE(claim("a").ok());
  keep("a", 0);
  expect_held(0);
  EXPECT_EQ(claim("a", "another")->status, 0);
}

TEST_F(KeyedAnswers, expire_and_leave_nothing) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(claim("k" + std::to_string(i)).ok());
    keep("k" + std::to_string(i), 200, "body");
  }
  now += limits::keyed_answer_lifetime_us - 1;
  EXPECT_EQ(claim("k30")->status, 200);
  now += 1;
  EXPECT_EQ(claim("k30", "another")->status, 0) << "it is as if it had never been";
  EXPECT_EQ(claim("k31")->status, 0);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(claim("n" + std::to_string(i)).ok());
  expect_held(7);
}

TEST(Sealed, is_read_with_its_key_only) {
  SealKey key{}, other{};
  key[0] = 1;
  for (std::string text : {std::string(), std::string("secret"), std::string(100'000, 'x')}) {
    std::string sealed = seal(key, text);
    EXPECT_EQ(sealed.find("secret"), std::string::npos);
    EXPECT_EQ(unseal(key, sealed), text);
    EXPECT_NE(seal(key, text), sealed);
    EXPECT_EQ(unseal(other, sealed), std::nullopt);
    sealed[sealed.size() / 2] = sealed[sealed.size() / 2] == 'A' ? 'B' : 'A';
    EXPECT_EQ(unseal(key, sealed), std::nullopt);
  }
  EXPECT_EQ(unseal(key, ""), std::nullopt);
}

}  // namespace
}  // namespace headrace::testing_support
