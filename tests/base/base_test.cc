// The table of errors, results, identifiers.
#include <gtest/gtest.h>

#include <set>

#include "src/base/random.h"
#include "src/base/result.h"

namespace headrace {
namespace {

TEST(Errors, EveryRowIsComplete) {
  for (uint16_t i = 0; i <= static_cast<uint16_t>(Error::bad_model); ++i) {
    const ErrorRow& row = row_of(static_cast<Error>(i));
    EXPECT_FALSE(row.name.empty());
    EXPECT_FALSE(row.code.empty());
    EXPECT_GE(row.status, 400);
    EXPECT_LE(row.status, 599);
    EXPECT_FALSE(row.sentence.empty());
  }
  EXPECT_EQ(row_of(Error::storage_full).status, 507);
  EXPECT_EQ(row_of(Error::not_found).name, "not_found");
}

TEST(Results, HoldAValueOrAProblem) {
  Result<int> value = 5;
  EXPECT_TRUE(value.ok());
  EXPECT_EQ(*value, 5);
  Result<int> problem = Problem{Error::invalid_input, "size", "must be small"};
  EXPECT_FALSE(problem.ok());
  EXPECT_EQ(problem.problem().text(), "size: must be small");
  EXPECT_DEATH(static_cast<void>(*problem), "CHECK failed");
}

TEST(Random, IdentifiersDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string uuid = make_uuid(thread_random());
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_EQ(uuid[14], '4');
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(uuid).second);
    EXPECT_TRUE(seen.insert(make_token(thread_random(), 20)).second);
    EXPECT_TRUE(seen.insert(make_secret()).second);
  }
}

}  // namespace
}  // namespace headrace
