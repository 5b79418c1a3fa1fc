// BEGIN: segments that are removed by hand are a loss, those that retention dropped are none.
#include "storage/log_begin.h"

#include "storage/repair.h"
#include "tests/storage/base_world.h"

namespace headrace {
namespace {

using testing_support::BaseTest;
using testing_support::flip;
using testing_support::slurp;
namespace fs = std::filesystem;

class LogBegins : public BaseTest {};

TEST_F(LogBegins, SegmentsRemovedByHandAreALossThoughABaseCoversThem) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(6000);
  Lsn lsn = make();
  some_records(500);
  Digest live = bench_.digest();
  bench_.close();
  ASSERT_GE(remove_front(lsn), 2u);
  Lsn first = inspect_log(place(), Depth::headers)->segments.front().first_lsn;
  const std::string lost = "LSN 1 to " + std::to_string(first - 1);
  std::string problem = problem_of_open();
  EXPECT_NE(problem.find(place().log()), std::string::npos) << problem;
  EXPECT_NE(problem.find(lost), std::string::npos) << problem;
  for (Depth depth : {Depth::headers, Depth::records}) {
    auto inspected = inspect_log(place(), depth);
    ASSERT_TRUE(inspected.ok() && inspected->damage);
    EXPECT_NE(inspected->damage->text().find(lost), std::string::npos) << inspected->damage->text();
  }

  RepairOptions options{.place = place(),
                        .key = bench_.options.key,
                        .by = "ann",
                        .accepted = {{1, first - 2}},
                        .segment_bytes = bench_.options.segment_bytes,
                        .state_map_bytes = bench_.options.state_map_bytes};
  auto repaired = repair_log(options);
  ASSERT_FALSE(repaired.ok()) << "only exactly what is lost can be accepted";
  EXPECT_NE(repaired.problem().text().find("--accept-loss 1.." + std::to_string(first - 1)), std::string::npos);
  options.accepted = {{1, first - 1}};
  repaired = repair_log(options);
  ASSERT_TRUE(repaired.ok()) << repaired.problem().text();
  EXPECT_EQ(repaired->begin_lost, (LsnRange{1, first - 1}));
  auto inspected = inspect_log(place(), Depth::records);
  ASSERT_TRUE(inspected.ok() && !inspected->damage);
  EXPECT_EQ(inspected->begin->lsn, first);
  EXPECT_NE(inspected->begin->why.find("ann"), std::string::npos);
  bench_.open();
  EXPECT_EQ(bench_.digest(), live);
  bench_.close();
  EXPECT_EQ(repair_log(options).problem().error, Error::not_found);
}

TEST_F(LogBegins, ADirectoryWithoutBeginGetsOneThatSaysWhatIsThere) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(6000);
  Lsn lsn = make();
  bench_.close();
  EXPECT_EQ((*read_log_begin(system_disk(), place()))->why, "made");
  fs::remove(place().begin());
  ASSERT_GE(remove_front(lsn), 2u);
  bench_.open();
  bench_.close();
  auto begin = read_log_begin(system_disk(), place());
  ASSERT_TRUE(begin.ok() && *begin);
  EXPECT_EQ((*begin)->lsn, inspect_log(place(), Depth::headers)->segments.front().first_lsn);
  EXPECT_EQ((*begin)->why, "found");
}

TEST_F(LogBegins, ADamagedBeginMattersWhereTheLogBeginsLater) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(6000);
  Lsn lsn = make();
  bench_.close();
  auto damage = [&] { flip(place().begin(), slurp(place().begin()).find("lsn ") + 4); };
  damage();
  EXPECT_TRUE(inspect_log(place(), Depth::headers)->damage);
  bench_.open();  // all records are there: it is made anew
  bench_.close();
  EXPECT_FALSE(inspect_log(place(), Depth::headers)->damage);
  cut_front(lsn);
  damage();
  std::string problem = problem_of_open();
  EXPECT_NE(problem.find("BEGIN"), std::string::npos) << problem;
  auto repaired = repair_log({.place = place(),
                              .key = bench_.options.key,
                              .by = "ann",
                              .segment_bytes = bench_.options.segment_bytes,
                              .state_map_bytes = bench_.options.state_map_bytes});
  ASSERT_TRUE(repaired.ok()) << repaired.problem().text();
  EXPECT_TRUE(repaired->begin_signed && !repaired->begin_lost);
  bench_.open();
  bench_.close();
}

}  // namespace
}  // namespace headrace
