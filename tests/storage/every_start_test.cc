// What a killed process made and did not sync is there for the kernel, and gone with the power: every start
// syncs what it finds before it builds on it. (The power-cut simulator found what happens else.)
#include <set>

#include "storage/id_index.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

struct Synced {
  std::mutex mutex;
  std::set<std::string> paths;

  StrangeDisk::Rule rule() {
    return [this](std::string_view what, const std::string& path) -> Result<> {
      std::lock_guard lock(mutex);
      if (what.starts_with("sync")) paths.insert(fs::path(path).lexically_normal().string());
      return Done{};
    };
  }
  bool has(const std::string& path) {
    std::lock_guard lock(mutex);
    return paths.contains(path);
  }
};

TEST(EveryStart, SyncsTheNamesAndSlotsItTrusts) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  PartitionPlace place;
  {
    Bench bench(scratch.path(), &disk);
    bench.open();
    bench.event("k", payload_of(1));
    bench.settle();
    place = bench.options.place;
    bench.crash();
  }
  Synced synced;
  disk.set_rule(synced.rule());
  Bench bench(scratch.path(), &disk);
  EXPECT_TRUE(synced.has(scratch.path())) << "the name of MANIFEST";
  bench.open();
  EXPECT_TRUE(synced.has(place.path)) << "the names of its directories and of CKPT";
  EXPECT_TRUE(synced.has(place.log())) << "the names of segments";
  EXPECT_TRUE(synced.has(place.checkpoint())) << "slots that were written";
  bench.crash();
}

TEST(EveryStart, RemovesRunsOfTheDedupIndexForGood) {
  ScratchDirectory scratch;
  StrangeDisk disk;
  IdIndex::Options options;
  options.dir = scratch.path() + "/ids";
  options.disk = &disk;
  {
    auto index = IdIndex::open(options, 100);
    ASSERT_TRUE(index.ok());
    for (uint64_t lsn = 1; lsn <= 100; ++lsn) (*index)->add({lsn, lsn}, lsn);
    ASSERT_TRUE((*index)->flush().ok());
  }
  Synced synced;
  bool cut_synced = false;
  disk.set_rule([&, note = synced.rule()](std::string_view what, const std::string& path) -> Result<> {
    cut_synced = what == "sync_directory" || (cut_synced && what != "remove");  // no removal is left unsynced
    return note(what, path);
  });
  auto index = IdIndex::open(options, 40);  // the log lost its tail: the run goes beyond it
  ASSERT_TRUE(index.ok());
  EXPECT_EQ((*index)->covered(), 40u);
  EXPECT_TRUE(synced.has(options.dir));
  EXPECT_TRUE(cut_synced);
}

}  // namespace
}  // namespace headrace::testing_support
