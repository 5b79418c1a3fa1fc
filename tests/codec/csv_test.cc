// RFC 4180, and what stands outside it.
#include "codec/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace headrace {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// All rows up to the end, or to where nothing can be told apart.
Rows rows_of(std::string_view text, std::string* problem = nullptr) {
  CsvReader reader(text);
  Rows rows;
  for (std::vector<std::string> cells;;) {
    Result<bool> more = reader.next(cells);
    if (!more.ok() && problem) *problem = more.problem().text();
    if (!more.ok() || !*more) return rows;
    rows.push_back(cells);
  }
}

TEST(Csv, ReadsRowsByEitherLineEndAndTheLastWithout) {
  const Rows wanted{{"a", "b"}, {"1", "2"}, {"3", "4"}};
  EXPECT_EQ(rows_of("a,b\r\n1,2\r\n3,4\r\n"), wanted);
  EXPECT_EQ(rows_of("a,b\n1,2\n3,4"), wanted);
  EXPECT_EQ(rows_of("\xef\xbb\xbf\na,b\n\r\n1,2\n\n3,4"), wanted);
}

TEST(Csv, ReadsEmptyCells) {
  EXPECT_EQ(rows_of(",\n"), (Rows{{"", ""}}));
  EXPECT_EQ(rows_of("a,,\n\"\",b"), (Rows{{"a", "", ""}, {"", "b"}}));
  EXPECT_EQ(rows_of(""), Rows{});
  EXPECT_EQ(rows_of("\n\r\n"), Rows{});
}

TEST(Csv, ReadsCellsInQuotes) {
  EXPECT_EQ(rows_of("\"a,b\",\"c\"\"d\",\"e\r\nf\"\r\n\"\"\"\""), (Rows{{"a,b", "c\"d", "e\r\nf"}, {"\""}}));
  EXPECT_EQ(rows_of("a\rb,c\r"), (Rows{{"a\rb", "c\r"}}));  // no line ends there
}

TEST(Csv, SaysWhereNothingCanBeToldApart) {
  for (auto [text, why] : {std::pair{"a\nb\n\"c", "line 3"}, {"\"a\nb\"\n\"c\"d", "line 3"}, {"a\"b", "line 1"}}) {
    std::string problem;
    rows_of(text, &problem);
    EXPECT_NE(problem.find(why), std::string::npos) << text << ": " << problem;
  }
}

TEST(Csv, SplitsALine) {
  std::vector<std::string> cells{"before"};
  split_csv_line("a,\"b,c\"", cells);
  EXPECT_EQ(cells, (std::vector<std::string>{"a", "b,c"}));
  split_csv_line("a,\"b", cells);
  EXPECT_TRUE(cells.empty());
}

}  // namespace
}  // namespace headrace
