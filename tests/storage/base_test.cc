// Bases: what they hold, starting from one, logs that begin later, damage, and making them beside a working owner.
#include <atomic>
#include <random>
#include <thread>

#include "tests/storage/base_world.h"

namespace headrace {
namespace {

using testing_support::BaseTest;
using testing_support::flip;
using testing_support::payload_of;
using testing_support::read_payloads;
using testing_support::slurp;
using testing_support::spill;
using testing_support::TallyFold;
namespace fs = std::filesystem;

// The digest of a base's own data, counted value by value.
Digest digest_of(const PartitionPlace& place, Lsn lsn, const std::string& scratch) {
  fs::create_directories(scratch);
  fs::copy_file(place.base(lsn) + "/data.mdb", scratch + "/data.mdb", fs::copy_options::overwrite_existing);
  auto state = State::open(scratch, size_t{1} << 30, [](const Problem& p) { ADD_FAILURE() << p.text(); });
  EXPECT_TRUE(state.ok());
  Digest sum;
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    auto digest = (*state)->count_digest(tree);
    EXPECT_TRUE(digest.ok());
    if (digest.ok()) sum += *digest;
  }
  return sum;
}

TEST_F(BaseTest, HoldsTheStateOfItsCheckpoint) {
  bench_.open();
  some_records(1000);
  Digest live = bench_.digest();
  Lsn lsn = make();
  EXPECT_EQ(lsn, 1000u);
  EXPECT_EQ(bases(), std::vector<Lsn>{1000});
  auto base = verify_base(system_disk(), place(), lsn);
  ASSERT_TRUE(base.ok()) << base.problem().text();
  EXPECT_EQ(base->digest, live);
  EXPECT_EQ(digest_of(place(), lsn, scratch_.path() + "/look"), live);
  EXPECT_EQ(make(), 1000u) << "it is there already";
  some_records(10);
  bench_.close();
}

TEST_F(BaseTest, AStartWithoutAStateBeginsWithIt) {
  bench_.open();
  some_records(1000);
  Lsn lsn = make();
  some_records(100);
  Digest live = bench_.digest();
  bench_.close();
  forget_state();
  bench_.open();
  const RecoveryReport& report = bench_.partition->recovery();
  EXPECT_EQ(report.base_lsn, lsn);
  EXPECT_NE(report.state_rebuilt, "");
  EXPECT_EQ(bench_.digest(), live);
  some_records(100);
  live = bench_.digest();
  EXPECT_EQ(bench_.rebuilt(), live);
  bench_.crash();
  bench_.open();
  EXPECT_EQ(bench_.partition->recovery().base_lsn, 0u) << "the slots are whole again";
  EXPECT_EQ(bench_.digest(), live);
  bench_.close();
}

TEST_F(BaseTest, TheLogBeforeItMayBeMissing) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(6000);
  make();
  some_records(2000);
  Lsn lsn = make();
  some_records(500);
  Digest live = bench_.digest();
  bench_.close();
  auto whole = read_payloads(place());
  ASSERT_GE(cut_front(lsn), 2u);
  Lsn first = SegmentReader::open(system_disk(), place(), read_base(system_disk(), place(), lsn)->position.segment)
                  ->header()
                  .first_lsn;
  ASSERT_GT(first, 1u);

  auto inspected = inspect_log(place(), Depth::records);
  ASSERT_TRUE(inspected.ok());
  EXPECT_FALSE(inspected->damage.has_value());
  EXPECT_EQ(inspected->segments.front().first_lsn, first);
  auto reader = LogReader::open(place());
  ASSERT_TRUE(reader.ok());
  RecordView record;
  ASSERT_TRUE(*reader->next(record));
  EXPECT_EQ(record.lsn, first);
  EXPECT_EQ(read_payloads(place(), first), std::vector(whole.begin() + static_cast<ptrdiff_t>(first) - 1, whole.end()));

  forget_state();
  bench_.open();
  EXPECT_EQ(bench_.partition->recovery().base_lsn, lsn);
  EXPECT_EQ(bench_.digest(), live);
  some_records(300);
  live = bench_.digest();
  EXPECT_EQ(bench_.rebuilt(), live);
  bench_.close();
}

TEST_F(BaseTest, WithoutABaseALogThatBeginsLaterIsRefused) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(6000);
  Lsn lsn = make();
  bench_.close();
  ASSERT_GE(cut_front(lsn), 2u);
  bench_.open();  // its slots are enough
  bench_.close();
  ASSERT_TRUE(delete_base(system_disk(), place(), lsn).ok());
  EXPECT_FALSE(fs::exists(place().base(lsn)));
  forget_state();
  std::string problem = problem_of_open();
  EXPECT_NE(problem.find("the log begins only at LSN"), std::string::npos) << problem;
  EXPECT_NE(problem.find("no base leads there"), std::string::npos) << problem;
  TallyFold fold;
  auto rebuilt = rebuild(bench_.options, scratch_.path() + "/rebuild", fold);
  ASSERT_FALSE(rebuilt.ok());
  EXPECT_NE(rebuilt.problem().text().find("leads there"), std::string::npos) << rebuilt.problem().text();
}

TEST_F(BaseTest, ADamagedOneIsNamedAndTheNextOlderTaken) {
  bench_.options.segment_bytes = 64 * 1024;
  bench_.open();
  some_records(3000);
  Lsn older = make();
  some_records(1000);
  Lsn newer = make();
  some_records(200);
  Digest live = bench_.digest();
  bench_.close();
  flip(place().base(newer) + "/data.mdb", 4096 * 5 + 77);
  forget_state();
  bench_.open();
  EXPECT_EQ(bench_.partition->recovery().base_lsn, older);
  EXPECT_NE(bench_.partition->recovery().state_rebuilt.find(place().base(newer)), std::string::npos);
  EXPECT_EQ(bench_.digest(), live);
  bench_.close();

  flip(place().base(older) + "/BASE", 60);
  forget_state();
  bench_.open();
  EXPECT_EQ(bench_.partition->recovery().base_lsn, 0u) << "the log is whole";
  EXPECT_EQ(bench_.digest(), live);
  bench_.close();

  drop_first();
  forget_state();
  std::string problem = problem_of_open();
  EXPECT_NE(problem.find(place().base(newer)), std::string::npos) << problem;
  EXPECT_NE(problem.find(place().base(older)), std::string::npos) << problem;
}

TEST_F(BaseTest, OneOfALogThatWasLostIsDamageNotAnEmptyStart) {
  bench_.open();
  some_records(100);
  Lsn lsn = make();
  bench_.close();
  forget_state();
  fs::remove_all(place().log());
  std::string problem = problem_of_open();
  EXPECT_NE(problem.find("LSN 1 to " + std::to_string(lsn) + " are lost"), std::string::npos) << problem;
}

TEST_F(BaseTest, TwoAreKeptAndUnfinishedOnesGo) {
  bench_.open();
  std::vector<Lsn> made;
  for (int i = 0; i < 4; ++i) {
    some_records(50);
    made.push_back(make());
  }
  EXPECT_EQ(bases(), (std::vector<Lsn>{made[3], made[2]}));
  bench_.close();
  fs::create_directory(place().base(7777));
  spill(place().base(7777) + "/data.mdb", "half");
  bench_.open();
  EXPECT_FALSE(fs::exists(place().base(7777)));
  EXPECT_EQ(bases(), (std::vector<Lsn>{made[3], made[2]}));
  bench_.close();
}

TEST_F(BaseTest, HoldsNothingDeleted) {
  bench_.open();
  const std::string secret = "a-name-nobody-may-find";
  for (int i = 0; i < 300; ++i) bench_.put("order-" + std::to_string(i), "open|" + secret + std::to_string(i));
  bench_.settle();
  bench_.digest();  // a checkpoint
  for (int i = 0; i < 300; ++i) {
    Change change;
    change.erase(7, "order-" + std::to_string(i));
    ASSERT_TRUE(bench_.partition->commit(change).ok());
  }
  some_records(40);
  Lsn lsn = make();
  EXPECT_NE(slurp(place().state() + "/data.mdb").find(secret), std::string::npos) << "LMDB keeps what was freed";
  EXPECT_EQ(slurp(place().base(lsn) + "/data.mdb").find(secret), std::string::npos);
  bench_.close();
}

TEST_F(BaseTest, OtherDefinitionsFoldRowsAnewFromWhatThereIs) {
  bench_.open();
  some_records(500);
  make();
  some_records(50);
  bench_.close();
  forget_state();
  bench_.fold = std::make_unique<TallyFold>(3);
  bench_.open();
  EXPECT_TRUE(bench_.partition->recovery().rows_refolded);
  Digest live = bench_.digest();
  EXPECT_EQ(bench_.rebuilt(), live);
  bench_.close();
}

// An owner that changes everything all the time, at full speed, with a checkpoint every 2 ms: of whatever pages LMDB
// may take again it takes many. Every base must be the state of one checkpoint, to the bit.
TEST_F(BaseTest, MadeBesideAWorkingOwner) {
  bench_.open();
  some_records(5000);
  std::atomic<bool> stop{false};
  std::atomic<int> made{0}, refused{0};
  BaseOptions options{place(), &system_clock(), &system_disk(), bench_.options.state_map_bytes};
  std::thread maker([&] {
    while (!stop) {
      auto base = make_base(options, bench_.partition->loan());
      if (!base) {
        ++refused;
        EXPECT_EQ(base.problem().error, Error::overloaded) << base.problem().text();
        continue;
      }
      ++made;
      EXPECT_EQ(digest_of(place(), base->applied_lsn, scratch_.path() + "/look"), base->digest);
    }
  });
  for (uint64_t turn = 0; made < 8 && turn < 3000; ++turn) {
    for (uint64_t i = 0; i < 50; ++i) {
      bench_.event("user-" + std::to_string((turn * 7 + i) % 500), payload_of(turn * 50 + i));
      bench_.put("order-" + std::to_string((turn * 3 + i) % 400), "open|" + payload_of(turn + i));
    }
    bench_.settle();
  }
  uint64_t checkpoints = bench_.partition->counters().checkpoints;
  stop = true;
  for (int i = 0; i < 100; ++i) bench_.pump(), ::usleep(200);
  maker.join();
  EXPECT_GE(made, 8) << refused << " refused";
  EXPECT_GT(checkpoints, 16u);
  bench_.settle();
  bench_.close();
}

// Each piece is of another checkpoint, and rows change, come and go between them.
TEST_F(BaseTest, OfALargeStateIsMadeInPiecesUnderLoad) {
  constexpr uint64_t users = 5000;
  bench_.open();
  for (uint64_t i = 0; i < users; ++i) {
    bench_.event("user-" + std::to_string(i), payload_of(++given_));
    if (i % 100 == 0) bench_.settle();
  }
  bench_.settle();
  bench_.digest();  // all rows are in the state
  std::atomic<size_t> pieces{1};
  std::atomic<bool> done{false};
  BaseOptions options{.place = place(), .state_map_bytes = bench_.options.state_map_bytes, .piece_us = 0};
  options.may_go_on = [&] { return ++pieces < 1000; };
  Result<Checkpoint> base = Error::internal_error;
  std::thread maker([&] {
    base = make_base(options, bench_.partition->loan());
    done = true;
  });
  std::mt19937_64 random(7);
  while (!done) {
    for (int i = 0; i < 20; ++i) {
      bench_.event("user-" + std::to_string(random() % (users + 500)), payload_of(++given_));
      bench_.put("order-" + std::to_string(random() % 100), "open|" + payload_of(++given_));
    }
    bench_.settle();
    for (int i = 0; i < 10 && !done; ++i) ::usleep(100), bench_.pump();
  }
  maker.join();
  ASSERT_TRUE(base.ok()) << base.problem().text();
  EXPECT_GE(pieces, users / limits::base_entries_between_looks);
  EXPECT_LT(base->replay_from + 100, base->applied_lsn) << "from the first piece on";
  EXPECT_EQ(bases(), std::vector<Lsn>{base->applied_lsn});
  EXPECT_TRUE(verify_base(system_disk(), place(), base->applied_lsn).ok());
  EXPECT_EQ(digest_of(place(), base->applied_lsn, scratch_.path() + "/look"), base->digest);
  bench_.settle();
  Digest live = bench_.digest();
  EXPECT_EQ(bench_.rebuilt(), live);
  bench_.close();
  forget_state();
  bench_.open();
  EXPECT_EQ(bench_.partition->recovery().base_lsn, base->applied_lsn);
  EXPECT_EQ(bench_.digest(), live);
  bench_.close();
}

// Whoever holds the right to write would borrow again, and the owner waits for that right.
TEST_F(BaseTest, APieceDoesNotWaitForAnOwnerWhoMakesOneHimself) {
  bench_.open();
  some_records(3000);
  for (uint64_t i = 0; i < 3000; ++i) bench_.event("more-" + std::to_string(i), payload_of(++given_));
  bench_.settle();
  bench_.digest();
  std::atomic<int> asked{0};
  std::atomic<bool> done{false};
  BaseOptions options{.place = place(), .state_map_bytes = bench_.options.state_map_bytes, .piece_us = 0};
  options.may_go_on = [&] { return ++asked, true; };
  Result<Checkpoint> base = Error::internal_error;
  std::thread maker([&] {
    base = make_base(options, bench_.partition->loan());
    done = true;
  });
  while (asked == 0 && !done) bench_.pump(), ::usleep(100);
  Lsn lsn = make();
  maker.join();
  EXPECT_FALSE(base.ok());
  EXPECT_EQ(base.problem().error, Error::overloaded);
  EXPECT_EQ(bases(), std::vector<Lsn>{lsn});
  bench_.close();
}

Digest digest_of(const StateView& view) {
  Digest sum;
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    auto done = view.each(tree, [&](std::string_view key, std::string_view stored) -> Result<> {
      sum += hash128(stored, hash64(key, static_cast<uint64_t>(tree)));
      return Done{};
    });
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.problem().text());
  }
  return sum;
}

class LoanTest : public BaseTest {
 protected:
  // Changes most of the state, and lets a checkpoint be made of it if one may.
  void churn() {
    for (uint64_t i = 0; i < 60; ++i) bench_.put("order-" + std::to_string(i), "open|" + payload_of(++given_));
    bench_.settle();
    for (int i = 0; i < 20; ++i) ::usleep(300), bench_.pump();
  }

  StateLoan::Lent borrow() {
    std::optional<Result<StateLoan::Lent>> lent;
    std::atomic<bool> done{false};
    std::thread borrower([&] {
      lent.emplace(bench_.partition->loan().borrow());
      done = true;
    });
    while (!done) bench_.pump(), ::usleep(100);
    borrower.join();
    EXPECT_TRUE(lent->ok());
    return **lent;
  }
};

TEST_F(LoanTest, TheThirdCommitWaitsUntilItIsGivenBack) {
  bench_.open();
  for (int i = 0; i < 5; ++i) churn();
  StateLoan::Lent lent = borrow();
  ASSERT_EQ(digest_of(*lent.view), lent.checkpoint.digest);
  uint64_t before = bench_.partition->counters().checkpoints;
  for (int i = 0; i < 30; ++i) churn();
  EXPECT_LE(bench_.partition->counters().checkpoints, before + 2);
  EXPECT_EQ(digest_of(*lent.view), lent.checkpoint.digest);
  EXPECT_FALSE(bench_.partition->next_due().has_value()) << "or its owner would spin";
  bench_.partition->loan().give_back(std::move(lent));
  for (int i = 0; i < 5; ++i) churn();
  EXPECT_GT(bench_.partition->counters().checkpoints, before + 3);
  bench_.close();
}

TEST_F(LoanTest, EndsWithItsPartitionForThoseWhoWait) {
  bench_.open();
  for (int i = 0; i < 5; ++i) churn();
  Result<StateLoan::Lent> lent = Error::internal_error;
  std::atomic<bool> done{false};
  std::thread borrower([&] {
    lent = bench_.partition->loan().borrow();  // nobody pumps: it waits
    done = true;
  });
  ::usleep(20'000);
  auto closed = bench_.partition->close();
  Micros waited_us = 0;  // without the time in which a busy machine stood still
  for (; !done; waited_us += 1000) ::usleep(1000);
  borrower.join();
  EXPECT_TRUE(closed.ok());
  EXPECT_EQ(lent.problem().error, Error::overloaded);
  EXPECT_LT(waited_us, limits::base_wait_us / 2);
}

TEST_F(LoanTest, IsWantedBackBeforeWritesAreRefused) {
  bench_.open();
  for (int i = 0; i < 5; ++i) churn();
  StateLoan::Lent lent = borrow();
  StateLoan& loan = bench_.partition->loan();
  const std::string large(8'000, 'x');
  uint64_t puts = 0;
  for (; !loan.wanted_back() && puts < 20'000; ++puts) {
    bench_.put("order-" + std::to_string(puts), "open|" + large);
    if (puts % 100 == 0) bench_.settle();
    bench_.pump();
  }
  EXPECT_TRUE(loan.wanted_back());
  EXPECT_TRUE(bench_.partition->writable());
  EXPECT_EQ(digest_of(*lent.view), lent.checkpoint.digest);
  std::thread borrower([&] {
    ::usleep(20'000);
    loan.give_back(std::move(lent));
  });
  bench_.digest();  // waits for it
  borrower.join();
  bench_.close();
}

}  // namespace
}  // namespace headrace
