// BaseTest: a partition with bases, segments that go from the front, and states that are lost.
#pragma once

#include <string>
#include <vector>

#include "storage/base.h"
#include "storage/log_begin.h"
#include "storage/verify.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {

class BaseTest : public ::testing::Test {
 protected:
  void some_records(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      ++given_;
      if (given_ % 5 == 0)
        bench_.put("order-" + std::to_string(given_ % 40), given_ % 2 ? "open|ada" : "paid|bob");
      else
        bench_.event("user-" + std::to_string(given_ % 60), payload_of(given_));
      if (given_ % 20 == 0) bench_.settle();
    }
    bench_.settle();
  }

  Lsn make() {
    auto lsn = bench_.partition->make_base();
    EXPECT_TRUE(lsn.ok()) << (lsn.ok() ? "" : lsn.problem().text());
    return lsn.ok() ? *lsn : 0;
  }

  std::vector<Lsn> bases() {
    auto found = list_bases(system_disk(), place());
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : std::vector<Lsn>{};
  }

  void forget_state() {
    fs::remove(place().checkpoint());
    fs::remove_all(place().state());
  }

  // Removes whole segments in front of the one that the base goes on in. How many.
  uint32_t remove_front(Lsn base) {
    auto position = read_base(system_disk(), place(), base)->position;
    for (uint32_t id = 1; id < position.segment; ++id) fs::remove(bench_.segment(id));
    return position.segment - 1;
  }
  // The same as retention does it.
  uint32_t cut_front(Lsn base) {
    say_that_log_begins_with(read_base(system_disk(), place(), base)->position.segment);
    return remove_front(base);
  }
  void drop_first() {
    say_that_log_begins_with(2);
    fs::remove(bench_.segment(1));
  }
  void say_that_log_begins_with(uint32_t segment) {
    auto reader = SegmentReader::open(system_disk(), place(), segment);
    EXPECT_TRUE(reader.ok());
    const LogBegin begin{.lsn = reader->header().first_lsn, .why = "test", .time = 1};
    EXPECT_TRUE(write_log_begin(system_disk(), place(), *bench_.options.key, begin).ok());
  }

  std::string problem_of_open() {
    auto opened = bench_.try_open();
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? "" : opened.problem().text();
  }

  const PartitionPlace& place() { return bench_.options.place; }

  ScratchDirectory scratch_;
  Bench bench_{scratch_.path() + "/data"};
  uint64_t given_ = 0;
};

}  // namespace headrace::testing_support
