// A partition goes on with a state that was folded by other definitions beside its own.
#include "storage/recovery.h"
#include "storage/scratch_state.h"
#include "storage/verify.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

constexpr uint64_t old_definition = 1, new_definition = 2;

void fill(Bench& bench, Lsn count) {
  for (Lsn i = 0; i < count; ++i) {
    Lsn lsn = bench.partition->applied_lsn() + 1;
    i % 9 == 0 ? bench.put("o" + std::to_string(lsn % 50), "open|" + std::to_string(lsn % 7))
               : bench.event("k" + std::to_string(lsn % 300), payload_of(lsn));
    if (i % 50 == 0) bench.pump();
  }
  bench.settle();
}

// Everything up to `through`, by the new definitions.
ComingState fold_new(Bench& bench, TallyFold& fold, Lsn through) {
  ComingState coming;
  coming.generation = bench.partition->next_generation();
  auto scratch = ScratchState::open({.directory = bench.options.place.state(coming.generation),
                                     .map_bytes = bench.options.state_map_bytes,
                                     .row_bytes_max = 16 * 1024});  // most rows are evicted
  EXPECT_TRUE(scratch.ok());
  coming.scratch = std::move(*scratch);
  auto reader = LogReader::open(bench.options.place, 1, through);
  EXPECT_TRUE(reader.ok());
  coming.reader = std::make_unique<LogReader>(std::move(*reader));
  RecordView record;
  while (true) {
    auto more = coming.reader->next(record);
    EXPECT_TRUE(more.ok());
    if (!more.ok() || !*more) break;
    if (record.kind == Kind::event) fold.refold(record, coming.scratch->rows());
    EXPECT_TRUE(coming.scratch->relieve().ok());
  }
  coming.folded = through;
  return coming;
}

void switch_over(Bench& bench, uint64_t definition, Lsn missing) {
  TallyFold fold(definition);
  ComingState coming = fold_new(bench, fold, bench.partition->applied_lsn() - missing);
  auto done = bench.partition->switch_state(coming, fold);
  ASSERT_TRUE(done.ok()) << done.problem().text();
  EXPECT_EQ(coming.folded, bench.partition->applied_lsn());
}

TEST(Switch, TheStateIsThatOfARebuildAndStaysSo) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  fill(bench, 3000);
  Digest before = bench.digest();
  switch_over(bench, new_definition, 700);
  bench.fold = std::make_unique<TallyFold>(new_definition);
  Digest after = bench.digest();
  EXPECT_FALSE(after == before);
  EXPECT_TRUE(after == bench.rebuilt());
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")) % new_definition, 0u);
  size_t open_orders = 0;
  bench.partition->documents().scan_index(7, 0, Documents::Match::prefix, {},
                                          [&](auto, auto, auto) { return ++open_orders > 0; });
  EXPECT_GT(open_orders, 30u);

  bench.crash();  // with nothing done after the switch
  bench.open();
  EXPECT_FALSE(bench.partition->recovery().rows_refolded);
  EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
  EXPECT_TRUE(bench.digest() == after);
  fill(bench, 500);
  EXPECT_TRUE(bench.digest() == bench.rebuilt());
  EXPECT_FALSE(fs::exists(bench.options.place.state(0) + "/data.mdb"));

  switch_over(bench, old_definition, 0);  // and once more, nothing missing
  bench.fold = std::make_unique<TallyFold>(old_definition);
  bench.crash();
  bench.open();
  EXPECT_TRUE(bench.digest() == bench.rebuilt());
  EXPECT_FALSE(fs::exists(bench.options.place.state(1)));
  bench.close();
}

TEST(Switch, EitherSlotFindsTheNewState) {
  for (size_t slot : {0u, 1u}) {
    ScratchDirectory scratch;
    Bench bench(scratch.path());
    bench.open();
    fill(bench, 300);
    switch_over(bench, new_definition, 10);
    bench.fold = std::make_unique<TallyFold>(new_definition);
    bench.crash();
    flip(bench.options.place.checkpoint(), slot * 4096 + 60);
    bench.open();
    EXPECT_EQ(bench.partition->recovery().state_rebuilt, "");
    EXPECT_FALSE(bench.partition->recovery().rows_refolded);
    EXPECT_TRUE(bench.digest() == bench.rebuilt());
    bench.close();
  }
}

TEST(Switch, RefusesAStateThatLacksTooMuch) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  fill(bench, limits::backfill_tail_records_max + 500);
  Digest before = bench.digest();
  TallyFold fold(new_definition);
  {
    ComingState coming = fold_new(bench, fold, 100);
    auto done = bench.partition->switch_state(coming, fold);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.problem().error, Error::overloaded);
  }
  EXPECT_TRUE(bench.digest() == before);
  EXPECT_FALSE(fs::exists(bench.options.place.state(1))) << "given up, gone";
  fill(bench, 100);
  EXPECT_TRUE(bench.digest() == bench.rebuilt());
  bench.close();
}

// Killed while the coming state grew: what is left of it is removed.
TEST(Switch, AStateThatNoSlotNamesIsRemoved) {
  ScratchDirectory scratch;
  Bench bench(scratch.path());
  bench.open();
  fill(bench, 200);
  bench.close();
  fs::copy(bench.options.place.state(0), bench.options.place.state(1));
  bench.open();
  EXPECT_FALSE(fs::exists(bench.options.place.state(1)));
  EXPECT_TRUE(bench.digest() == bench.rebuilt());
  bench.close();
}

}  // namespace
}  // namespace headrace::testing_support
