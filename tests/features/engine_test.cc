// The engine over rows: who gets an event, what replay skips, folds from afar, reading, worked examples.
#include "src/features/engine.h"

#include <gtest/gtest.h>

#include "src/features/fold_payload.h"
#include "src/features/row.h"
#include "tests/features/world.h"

namespace {

using namespace headrace;
using namespace headrace::features;

constexpr uint8_t table = 10;

class Engine : public ::testing::Test {
 protected:
  Event event(std::string_view type, Micros time, std::string_view data) {
    Event made;
    made.id = "e";
    made.type = type;
    made.time = time;
    made.user = "u1";
    made.session = "s1";
    made.cart = "c1";
    made.data = data;
    return made;
  }
  void fold(std::string_view type, Micros time, std::string_view data = "{}") {
    engine_.fold(event(type, time, data), every_kind, ++lsn_, rows_);
  }
  double read(EntityKind kind, std::string_view key, std::string_view name,
              std::optional<Micros> as_of = {}) {
    auto vector = engine_.read(kind, key, as_of, rows_);
    return vector ? vector->values()[*engine_.plan().index_of(kind, name)] : -1;
  }
  double cart(std::string_view name, std::optional<Micros> as_of = {}) {
    return read(EntityKind::cart, "c1", name, as_of);
  }

  FeatureEngine engine_{*Plan::compile(default_definitions()), table};
  Rows rows_;
  Lsn lsn_ = 0;
};

TEST_F(Engine, AShoppersCart) {
  fold("page_view", world::noon, R"({"page_type":"info","returning_visitor":true})");
  fold("product_view", world::noon + 40 * second_us, R"({"product_id":"p1","price":20})");
  fold("page_view", world::noon + 100 * second_us, R"({"page_type":"product","product_id":"p2"})");
  fold("cart", world::noon + 130 * second_us, R"({"product_id":"p2","price":12.5,"quantity":2})");
  fold("add_to_cart", world::noon + 140 * second_us, R"({"product_id":"p1","price":20})");
  fold("remove_from_cart", world::noon + 150 * second_us, R"({"product_id":"p2","price":12.5})");
  fold("page_view", world::noon + 160 * second_us, R"({"page_type":"admin"})");
  fold("checkout_start", world::noon + 170 * second_us);
  EXPECT_EQ(cart("info_views"), 1);
  EXPECT_EQ(cart("info_seconds"), 40);
  EXPECT_EQ(cart("product_views"), 2);
  EXPECT_EQ(cart("product_seconds"), 90);
  EXPECT_EQ(cart("admin_views"), 1);
  EXPECT_EQ(cart("admin_seconds"), 10);
  EXPECT_EQ(cart("adds"), 2);
  EXPECT_EQ(cart("removes"), 1);
  EXPECT_EQ(cart("items_in_cart"), 2);
  EXPECT_EQ(cart("cart_value"), 32.5);
  EXPECT_EQ(cart("max_price"), 20);
  EXPECT_EQ(cart("distinct_products"), 2);
  EXPECT_EQ(cart("checkout_started"), 1);
  EXPECT_EQ(cart("purchases"), 0);
  EXPECT_EQ(cart("returning_visitor"), 1);
  EXPECT_EQ(cart("month"), 9);
  EXPECT_EQ(cart("weekend"), 0);
  EXPECT_EQ(cart("last_event_seconds"), 0);
  EXPECT_EQ(cart("last_event_seconds", world::noon + 180 * second_us), 10);
  EXPECT_EQ(cart("events_5m"), 8);
  EXPECT_EQ(cart("events_5m", world::noon + 400 * second_us), 5);  // the one 300 s old is out
  EXPECT_EQ(cart("session_events", world::noon + 3 * hour_us), 0);
}

TEST_F(Engine, AnUnknownVisitorIsNotANewOne) {
  fold("page_view", world::noon);
  EXPECT_TRUE(std::isnan(cart("returning_visitor")));
  EXPECT_TRUE(std::isnan(cart("max_price")));
}

TEST_F(Engine, WeekendIsUtc) {
  fold("x", world::noon + 4 * day_us + 12 * hour_us - 1);  // the last microsecond of Saturday
  EXPECT_EQ(cart("weekend"), 1);
  fold("x", world::noon + 5 * day_us + 12 * hour_us);  // Monday
  EXPECT_EQ(cart("weekend"), 0);
  EXPECT_EQ(cart("month"), 10);
}

TEST_F(Engine, ALateEventSplitsTheGapItFallsInto) {
  fold("product_view", world::noon);
  fold("search", world::noon + 100 * second_us);
  EXPECT_EQ(cart("product_seconds"), 100);
  fold("page_view", world::noon + 30 * second_us, R"({"page_type":"info"})");
  EXPECT_EQ(cart("product_seconds"), 30);
  EXPECT_EQ(cart("info_seconds"), 70);
}

TEST_F(Engine, OnlyTheEntitiesOfTheMaskAreFolded) {
  engine_.fold(event("view", world::noon, "{}"), mask_of(EntityKind::user), 1, rows_);
  EXPECT_TRUE(engine_.read(EntityKind::user, "u1", {}, rows_));
  EXPECT_FALSE(engine_.read(EntityKind::cart, "c1", {}, rows_));
  EXPECT_FALSE(engine_.read(EntityKind::session, "s1", {}, rows_));
}

TEST_F(Engine, AnEventThatNamesNobodyChangesNothing) {
  Event nobody = event("view", world::noon, "{}");
  nobody.user = nobody.session = nobody.cart = {};
  engine_.fold(nobody, every_kind, 1, rows_);
  EXPECT_EQ(rows_.count(), 0U);
}

TEST_F(Engine, TheVectorTellsWhereItComesFrom) {
  fold("view", world::noon);
  fold("view", world::noon - second_us);
  auto vector = engine_.read(EntityKind::user, "u1", {}, rows_);
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->events, 2U);
  EXPECT_EQ(vector->points, 2U);
  EXPECT_EQ(vector->first_time, world::noon - second_us);
  EXPECT_EQ(vector->last_time, world::noon);
  EXPECT_EQ(vector->as_of, world::noon);
  EXPECT_EQ(vector->count, engine_.plan().kind(EntityKind::user).outputs.size());
}

TEST_F(Engine, FoldsFromAfarMakeTheSameRows) {
  world::Random random(9);
  auto plan = *Plan::compile(default_definitions());
  FeatureEngine there{plan, table};
  FoldWriter writer{plan};
  Rows near, far;
  for (const naive::Fact& fact : world::facts(800, random)) {
    ++lsn_;
    std::string data = fact.json();
    Event made = event(fact.type, fact.time, data);
    Observation seen;
    engine_.observe(made, seen);
    engine_.fold(made, seen, every_kind, lsn_, near);
    for (EntityKind kind : {EntityKind::cart, EntityKind::user, EntityKind::session}) {
      std::string folds;
      std::string_view key = kind == EntityKind::cart   ? made.cart
                             : kind == EntityKind::user ? made.user
                                                        : made.session;
      writer.begin(folds);
      writer.add(rank_of(lsn_, kind), key, seen, folds);
      Fold fold;
      ASSERT_TRUE(FoldReader(there.plan(), folds).next(fold));
      there.fold(fold.kind(), there.name_of(fold.kind(), fold.key), fold.seen, lsn_, far);
    }
  }
  for (uint8_t kind = 0; kind < entity_kinds; ++kind) {
    const char* key = kind == 0 ? "c1" : kind == 1 ? "u1" : "s1";
    ASSERT_NE(near.find(table + kind, key), nullptr);
    EXPECT_EQ(near.find(table + kind, key)->bytes, far.find(table + kind, key)->bytes);
    EXPECT_EQ(far.find(table + kind, key)->lsn, lsn_);
  }
}

// A row that was written behind ahead of the others, as a fuzzy checkpoint leaves it.
TEST_F(Engine, ReplaySkipsWhatARowHasSeen) {
  struct Backing : RowBacking {
    bool load(Row& row) override {
      if (row.table != table + 1) return false;
      row.lsn = 2;
      row.bytes.assign(bytes);
      return true;
    }
    void store(const Row&) override {}
    void each(uint8_t, const std::function<void(std::string_view)>&) override {}
    std::string bytes;
  } backing;
  fold("view", world::noon);
  fold("view", world::noon + second_us);
  backing.bytes = rows_.find(table + 1, "u1")->bytes;
  Rows recovered(&backing);
  for (Lsn lsn = 1; lsn <= 3; ++lsn) {
    engine_.fold(event("view", world::noon + static_cast<Micros>(lsn - 1) * second_us, "{}"), every_kind, lsn,
                 recovered);
  }
  EXPECT_EQ(engine_.read(EntityKind::user, "u1", {}, recovered)->events, 3U);
  EXPECT_EQ(engine_.read(EntityKind::cart, "c1", {}, recovered)->events, 3U);
}

TEST_F(Engine, ManyEventsAtOnceTruncateTheWindowAndSaySo) {
  for (size_t i = 0; i < limits::feature_points_max; ++i) fold("view", world::noon + static_cast<Micros>(i));
  EXPECT_EQ(read(EntityKind::user, "u1", "events_5m"), static_cast<double>(limits::feature_points_max));
  EXPECT_FALSE(engine_.read(EntityKind::user, "u1", {}, rows_)->window_truncated);
  fold("view", world::noon + minute_us);
  auto vector = engine_.read(EntityKind::user, "u1", {}, rows_);
  EXPECT_TRUE(vector->window_truncated);
  EXPECT_EQ(vector->points, limits::feature_points_max);
  EXPECT_EQ(vector->events, limits::feature_points_max + 1);
  EXPECT_EQ(read(EntityKind::user, "u1", "product_views"), static_cast<double>(vector->events));
}

TEST_F(Engine, AnEventOlderThanTheHorizonCountsOnlyForAllTime) {
  fold("view", world::noon);
  fold("view", world::noon - 7 * day_us);
  EXPECT_EQ(read(EntityKind::user, "u1", "product_views"), 2);
  EXPECT_EQ(read(EntityKind::user, "u1", "events_7d"), 1);
  EXPECT_EQ(engine_.read(EntityKind::user, "u1", {}, rows_)->points, 1U);
}

// Rows must stay small: a year of a busy user, and the bytes that remain.
TEST_F(Engine, RowsAreBounded) {
  world::Random random(11);
  std::string data;
  for (int i = 0; i < 20'000; ++i) {
    data = R"({"product_id":")" + std::to_string(i) + R"(","price":1})";
    fold("view", world::noon + i * 20 * minute_us, data);
  }
  size_t stride = engine_.plan().kind(EntityKind::user).point_bytes();
  size_t bound = 600 + 2048 + (limits::feature_points_max + 64 + 1) * stride;
  EXPECT_LE(rows_.find(table + 1, "u1")->bytes.size(), bound);
  EXPECT_NEAR(read(EntityKind::user, "u1", "distinct_products") / 20'000, 1, 0.07);
  EXPECT_EQ(read(EntityKind::user, "u1", "events_7d"), 7 * 24 * 3);
  EXPECT_EQ(read(EntityKind::user, "u1", "events_24h"), 24 * 3);
}

}  // namespace
