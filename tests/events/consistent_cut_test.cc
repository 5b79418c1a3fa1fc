// Cuts of three logs that tell each other of events: what must go with what.
#include "src/events/consistent_cut.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "src/events/event_fold.h"
#include "storage/partition.h"

namespace headrace {
namespace {

class NoFold final : public Fold {
 public:
  void apply(const RecordView&, Rows&, bool) override {}
  uint64_t definition_digest() const override { return 1; }
};

class ConsistentCut : public ::testing::Test {
 protected:
  static constexpr uint32_t count = 3;

  ConsistentCut() : plan_(*features::Plan::compile(features::default_definitions())) {
    std::string pattern = (std::filesystem::temp_directory_path() / "headrace-cut-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    auto opened = DataDirectory::open(path_ + "/data", {.partitions_if_new = count});
    EXPECT_TRUE(opened.ok());
    directory_ = std::move(*opened);
    for (uint32_t p = 0; p < count; ++p) {
      PartitionOptions options;
      options.place = directory_->place(p);
      options.state_map_bytes = size_t{1} << 28;
      options.free_bytes_min = 0;
      places_.push_back(options.place);
      auto partition = Partition::open(options, fold_);
      EXPECT_TRUE(partition.ok());
      partitions_.push_back(std::move(*partition));
    }
  }
  ~ConsistentCut() override {
    partitions_.clear();
    std::filesystem::remove_all(path_);
  }

  // Its LSN. Every record is a second later than the one before, whatever its partition.
  Lsn event(uint32_t p) { return *partitions_[p]->append_at(++now_ * second_us, Kind::event, 1, "k", "an event"); }

  Lsn fold(uint32_t target, uint32_t source, std::initializer_list<Lsn> events) {
    std::string payload(1, 2);
    payload.push_back(static_cast<char>(source));
    features::FoldWriter writer(plan_);
    features::Observation seen;
    seen.type = "page_view";
    writer.begin(payload);
    for (Lsn lsn : events) writer.add(features::rank_of(lsn, EntityKind::cart), "c", seen, payload);
    return *partitions_[target]->append_at(++now_ * second_us, Kind::fold, 1, {}, payload);
  }

  Result<Cut> cut(WantedCut wanted) {
    for (auto& partition : partitions_) EXPECT_TRUE(partition->close().ok());
    wanted.last.resize(count);
    return consistent_cut(places_, wanted, *plan_);
  }

  std::shared_ptr<const features::Plan> plan_;
  std::string path_;
  NoFold fold_;
  std::unique_ptr<DataDirectory> directory_;
  std::vector<PartitionPlace> places_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  Micros now_ = 1'000'000;
};

using Lasts = std::vector<uint64_t>;

TEST_F(ConsistentCut, WithoutAWishEverythingStays) {
  event(0), event(0), fold(1, 0, {1, 2}), event(2);
  auto made = cut({});
  ASSERT_TRUE(made.ok()) << made.problem().text();
  EXPECT_EQ(made->last, (Lasts{2, 1, 1}));
  EXPECT_FALSE(made->first_left_out.has_value());
}

TEST_F(ConsistentCut, AFoldGoesWithItsEventAndTakesWhatFollowsAlong) {
  event(0);                // 0:1
  fold(1, 0, {1});         // 1:1
  event(0);                // 0:2, the first to go
  Micros gone = now_;
  fold(1, 0, {2});         // 1:2 tells of it
  Lsn after = event(1);    // 1:3 stands behind that
  fold(2, 1, {after});     // 2:1 tells of 1:3
  event(2);                // 2:2
  auto made = cut({.last = {1}, .time = {}});
  ASSERT_TRUE(made.ok()) << made.problem().text();
  EXPECT_EQ(made->last, (Lasts{1, 1, 0}));
  EXPECT_EQ(made->first_left_out, gone * second_us);
}

TEST_F(ConsistentCut, AFoldThatTellsOfBothIsLeftOutWhole) {
  event(0), event(0), event(0);
  event(1);
  fold(1, 0, {1, 2, 3});
  auto made = cut({.last = {2}, .time = {}});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->last, (Lasts{2, 1, 0})) << "the start sends 1 and 2 again";
}

TEST_F(ConsistentCut, ATimeLeavesOutWhatCameLater) {
  event(0), event(1), event(2);
  Micros then = now_ * second_us;
  event(0), event(1), event(2);
  auto made = cut({.last = {}, .time = then});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->last, (Lasts{1, 1, 1}));
  EXPECT_EQ(made->first_left_out, then + second_us);
}

TEST_F(ConsistentCut, WishesThatContradictEachOtherAreRefused) {
  event(0), event(0);
  fold(1, 0, {1, 2});
  auto made = cut({.last = {1, 1}, .time = {}});
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.problem().text().find("partition 1 can only go to LSN 0"), std::string::npos) << made.problem().text();
}

TEST_F(ConsistentCut, ARecordThatIsNotThereIsRefused) {
  event(0);
  auto made = cut({.last = {9}, .time = {}});
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.problem().text().find("partition 0 ends at LSN 1"), std::string::npos) << made.problem().text();
}

}  // namespace
}  // namespace headrace
