// Events into rows on two partitions: folds arrive once, whatever of a batch had been taken before a crash.
#include "src/events/event_fold.h"

#include <gtest/gtest.h>

#include "src/events/thinning.h"
#include "src/features/definition.h"
#include "tests/events/default_plan.h"

namespace headrace {
namespace {

struct Side {
  explicit Side(uint32_t its) : outbox(its, 2), fold(plan(), its, 2, &outbox) {}

  void ingest(const Event& event) {
    Foldable foldable;
    fold.prepare(event, foldable);
    for (size_t step = 0; step < EventFold::look_ahead_steps; ++step) fold.look_ahead(foldable, step, rows);
    fold.fold(foldable, ++lsn, rows);
  }
  void receive(const FoldBatch& batch, FoldRank seen) {
    std::string payload;
    fold.encode_unseen(batch, seen, payload);
    fold.apply({.lsn = ++lsn, .kind = Kind::fold, .version = 1, .time = 0, .key = {}, .payload = payload},
               rows, false);
  }
  uint64_t events(EntityKind kind, std::string_view key) {
    auto vector = fold.engine().read(kind, key, {}, rows);
    return vector ? vector->events : 0;
  }

  FoldOutbox outbox;
  EventFold fold;
  Rows rows;
  Lsn lsn = 0;
};

std::string key_at_home(uint32_t partition, std::string_view prefix) {
  for (int i = 0;; ++i) {
    std::string key = std::string(prefix) + std::to_string(i);
    if (home_of(key, 2) == partition) return key;
  }
}

class Folding : public ::testing::Test {
 protected:
  Event event(const Side& side, std::string_view type, std::string_view data) {
    return {.id = "e",
            .type = type,
            .source = "s",
            .user = user_,
            .session = session_,
            .cart = cart_,
            .data = data,
            .time = 1'759'233'600'000'000 + 7 * static_cast<Micros>(side.lsn)};
  }
  void ingest(std::string_view type = "page_view", std::string_view data = "{}") {
    here_.ingest(event(here_, type, data));
  }
  std::shared_ptr<const FoldBatch> take() { return here_.outbox.take(1, here_.lsn); }

  std::string user_ = key_at_home(0, "u"), session_ = key_at_home(1, "s"), cart_ = key_at_home(1, "c");
  Side here_{0}, there_{1};
};

TEST_F(Folding, EachEntityGetsTheEventAtItsHome) {
  for (int i = 0; i < 10; ++i) ingest();
  there_.receive(*take(), 0);
  EXPECT_EQ(here_.events(EntityKind::user, user_), 10u);
  EXPECT_EQ(here_.events(EntityKind::cart, cart_), 0u);
  EXPECT_EQ(there_.events(EntityKind::cart, cart_), 10u);
  EXPECT_EQ(there_.events(EntityKind::session, session_), 10u);
  EXPECT_EQ(there_.events(EntityKind::user, user_), 0u);
  EXPECT_EQ(EventFold::last_rank(0, there_.rows), features::rank_of(10, EntityKind::session));
}

TEST_F(Folding, EventsOfTheServerItselfAreNoBehaviour) {
  Event own{.id = "e",
            .type = "page_view",
            .source = own_source,
            .user = user_,
            .session = {},
            .cart = cart_,
            .data = "{}",
            .time = 1};
  here_.ingest(own);
  EXPECT_EQ(here_.events(EntityKind::user, user_), 0u);
  EXPECT_EQ(take(), nullptr);
}

// Many small runs in one batch, and types and numbers of all sorts in them; cut at every fold there is.
TEST_F(Folding, WhatWasTakenBeforeACrashIsNotTakenAgain) {
  constexpr uint64_t events = 40;
  const char* types[] = {"page_view", "purchase", "unheard_of", "buy"};
  const char* data[] = {R"({"price":12.5,"quantity":3})", "{}", R"({"price":0.123456789,"product_id":"p1"})"};
  for (uint64_t i = 0; i < events; ++i) {
    ingest(types[i % 4], data[i % 3]);
    if (i % 7 == 0) (void)here_.outbox.take(1, 0);  // ends a run
  }
  auto batch = take();
  for (FoldRank seen = 0; seen < batch->last; ++seen) {
    Side cut(1);
    cut.receive(*batch, seen);
    uint64_t carts = 0, sessions = 0;
    for (Lsn lsn = 1; lsn <= events; ++lsn) {
      carts += features::rank_of(lsn, EntityKind::cart) > seen;
      sessions += features::rank_of(lsn, EntityKind::session) > seen;
    }
    ASSERT_EQ(cut.events(EntityKind::cart, cart_), carts) << seen;
    ASSERT_EQ(cut.events(EntityKind::session, session_), sessions) << seen;
    ASSERT_EQ(EventFold::last_rank(0, cut.rows), batch->last);
  }
}

// The row is the same, to the last bit, whether its folds came in one record or were sent again after a
// crash.
TEST_F(Folding, SentAgainMakesTheSameRow) {
  auto more = [&](Side& side, int count) {
    for (int i = 0; i < count; ++i)
      side.ingest(event(side, i % 2 ? "purchase" : "unheard_of", R"({"price":12.345,"product_id":"p1"})"));
  };
  more(here_, 10);
  there_.receive(*here_.outbox.take(1, 10), 0);
  Side restarted(0);  // replays its log
  more(restarted, 20);
  auto batch = restarted.outbox.take(1, 20);
  there_.receive(*batch, EventFold::last_rank(0, there_.rows));
  Side other(1);
  other.receive(*batch, 0);
  Row* one = EventFold::row_of(EntityKind::cart, cart_, there_.rows);
  Row* two = EventFold::row_of(EntityKind::cart, cart_, other.rows);
  ASSERT_TRUE(one != nullptr && two != nullptr);
  EXPECT_EQ(one->bytes, two->bytes);
}

using FoldingDeathTest = Folding;

TEST_F(FoldingDeathTest, AnUnknownVersionIsRefusedByName) {
  std::string payload = "\x63";
  EXPECT_DEATH(there_.fold.apply(
                   {.lsn = 1, .kind = Kind::fold, .version = 1, .time = 0, .key = {}, .payload = payload},
                   there_.rows, false),
               "fold_version_unknown.*\"version\":99");
}

// What an account pays is summed where it pays; no producer can name itself the server (intake.cc), and nothing else is a
// charge.
TEST(Charges, AreSummedPerAccount) {
  Side side(0);
  auto pay = [&](std::string_view account, std::string_view data, std::string_view source = own_source) {
    Event event{.id = "e", .type = "prediction.completed", .source = source, .user = account, .data = data};
    side.ingest(event);
    std::string payload;
    encode(event, payload);
    side.fold.apply({.lsn = ++side.lsn, .kind = Kind::event, .version = 1, .time = 0, .key = {}, .payload = payload},
                    side.rows, true);
  };
  auto paid = [&](std::string_view account) { return credits_paid(side.rows.find(credit_table, account)); };
  pay("a", R"({"charged_credits":1,"model":"m"})");
  pay("b", R"({"charged_credits":100})");
  pay("a", R"({"charged_credits":2})");
  EXPECT_EQ(paid("a"), 6);
  EXPECT_EQ(paid("b"), 200);
  pay("a", R"({"charged_credits":5})", "shop");
  pay("a", R"({"credits":5})");
  pay("a", R"({"charged_credits":x})");
  pay("", R"({"charged_credits":5})");
  EXPECT_EQ(paid("a"), 6);
  EXPECT_EQ(paid("c"), 0);
}

TEST(Charges, OutliveWhomTheyWereAbout) {
  Side side(0);
  Event event{.id = "e", .type = "prediction.completed", .source = own_source, .user = "payer", .cart = "c",
              .data = R"({"charged_credits":3,"probability":0.5})"};
  std::string payload;
  encode(event, payload);
  RecordView record{.lsn = 1, .kind = Kind::event, .version = 1, .time = 0, .key = {}, .payload = payload};
  ErasureOrder order{.subject = Subject::of("visitor")};
  order.owned = {order.subject.hash_of(EntityKind::cart, "c")};
  ErasureCounts counts;
  RecordVisitor visit = without_person(order, 10, counts), again = without_person(order, 10, counts);
  ASSERT_TRUE(visit(record));
  auto left = decode_event(record.payload);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->cart, "");
  EXPECT_EQ(left->data, R"({"charged_credits":3})");
  EXPECT_EQ(charge_of(*left)->credits, 3);
  EXPECT_EQ(counts.events, 1u);
  EXPECT_TRUE(again(record));
  EXPECT_EQ(counts.events, 1u) << "a second search finds nothing";
  record.payload = payload;
  EXPECT_FALSE(without_person(ErasureOrder{.subject = Subject::of("payer")}, 10, counts)(record));
}

}  // namespace
}  // namespace headrace
