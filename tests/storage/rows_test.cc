// Rows: find, fold once, write behind in order, evict, erase; against a plain map.
#include "storage/rows.h"

#include <map>

#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

// A backing that remembers, as LMDB would.
class MapBacking : public RowBacking {
 public:
  bool load(Row& row) override {
    auto found = stored.find({row.table, row.key});
    if (found == stored.end()) return false;
    row.lsn = found->second.first;
    row.bytes = found->second.second;
    return true;
  }
  void store(const Row& row) override {
    order.push_back(row.key);
    if (row.gone) {
      stored.erase({row.table, row.key});
    } else {
      stored[{row.table, row.key}] = {row.lsn, row.bytes};
    }
  }
  std::map<std::pair<uint8_t, std::string>, std::pair<Lsn, std::string>> stored;
  std::vector<std::string> order;
};

void write_all(Rows& rows) {
  while (rows.dirty() > 0) {
    if (rows.chunk_empty()) rows.take_chunk(1000);
    rows.write_chunk(1000);
  }
}

TEST(Rows, ARecordIsFoldedOnce) {
  MapBacking backing;
  {
    Rows rows(&backing);
    Row* row = rows.fold(1, "a", 5);
    ASSERT_NE(row, nullptr);
    row->bytes = "x";
    EXPECT_EQ(rows.fold(1, "a", 5), row) << "the same record may come to the row again";
    EXPECT_EQ(rows.fold(1, "a", 4), nullptr);
    EXPECT_EQ(row->lsn, 5u);
    write_all(rows);
  }
  Rows again(&backing);  // after a restart
  EXPECT_EQ(again.fold(1, "a", 4), nullptr);
  EXPECT_EQ(again.fold(1, "a", 5), nullptr);
  ASSERT_NE(again.fold(1, "a", 6), nullptr);
  EXPECT_EQ(again.find(1, "a")->bytes, "x");
  EXPECT_EQ(again.find(2, "a"), nullptr);
}

TEST(Rows, TouchLeavesTheRuleToTheCaller) {
  Rows rows;
  Row& row = rows.touch(1, "a", 7);
  EXPECT_EQ(row.lsn, 0u);
  row.lsn = 7;
  EXPECT_EQ(&rows.touch(1, "a", 8), &row);
  EXPECT_EQ(row.lsn, 7u);
  EXPECT_EQ(rows.dirty(), 1u);
}

TEST(Rows, OldestChangeIsThatOfTheFirstUnwrittenRow) {
  MapBacking backing;
  Rows rows(&backing);
  EXPECT_EQ(rows.oldest_change(), std::nullopt);
  for (Lsn lsn = 1; lsn <= 10; ++lsn) rows.fold(1, std::string(1, static_cast<char>('z' - lsn)), lsn);
  rows.fold(1, "y", 11);  // first changed by 1
  EXPECT_EQ(rows.oldest_change(), 1u);
  rows.take_chunk(4);
  EXPECT_EQ(rows.write_chunk(2), 4u);
  EXPECT_EQ(rows.oldest_change(), 1u) << "half a chunk does not count";
  EXPECT_EQ(rows.write_chunk(9), 11u);
  EXPECT_EQ(rows.oldest_change(), 5u);
  EXPECT_EQ(backing.order, (std::vector<std::string>{"v", "w", "x", "y"})) << "in key order";
  rows.fold(1, "w", 12);
  write_all(rows);
  EXPECT_EQ(rows.oldest_change(), std::nullopt);
  EXPECT_EQ((backing.stored[{1, "w"}].first), 12u);
}

TEST(Rows, AnErasedRowIsGoneAndMayComeBack) {
  MapBacking backing;
  Rows rows(&backing);
  rows.fold(1, "a", 1)->bytes = "old";
  write_all(rows);
  rows.erase(1, "a", 2);
  EXPECT_EQ(rows.find(1, "a"), nullptr);
  write_all(rows);
  EXPECT_TRUE(backing.stored.empty());
  Row* row = rows.fold(1, "a", 3);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->bytes, "");
  rows.erase(1, "a", 4);
  row = rows.fold(1, "a", 4);  // erased and made again by one record
  ASSERT_NE(row, nullptr);
  row->bytes = "new";
  write_all(rows);
  EXPECT_EQ((backing.stored[{1, "a"}].second), "new");
}

TEST(Rows, LikeAMapUnderEviction) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    std::mt19937_64 random(seed);
    MapBacking backing;
    Rows rows(&backing);
    std::map<std::string, std::string> model;
    for (Lsn lsn = 1; lsn <= 20'000; ++lsn) {
      std::string key = "key" + std::to_string(random() % 3000);
      switch (random() % 10) {
        case 0:
          rows.erase(3, key, lsn);
          model.erase(key);
          break;
        case 1:
        case 2: {
          const Row* row = rows.find(3, key);
          ASSERT_EQ(row != nullptr, model.contains(key));
          if (row != nullptr) {
            ASSERT_EQ(row->bytes, model[key]);
          }
          break;
        }
        default: {
          Row* row = rows.fold(3, key, lsn);
          ASSERT_NE(row, nullptr);
          row->bytes += static_cast<char>('a' + random() % 26);
          model[key] += row->bytes.back();
        }
      }
      if (random() % 50 == 0 && rows.chunk_empty()) rows.take_chunk(random() % 300);
      rows.write_chunk(random() % 5);
      if (random() % 20 == 0) rows.evict(50'000, 500);
    }
    write_all(rows);
    rows.evict(0, 1'000'000);
    EXPECT_EQ(rows.count(), 0u);
    EXPECT_EQ(rows.bytes(), 0u);
    ASSERT_EQ(backing.stored.size(), model.size());
    for (const auto& [key, bytes] : model) ASSERT_EQ((backing.stored[{3, key}].second), bytes);
    EXPECT_GT(rows.evictions(), 100u);
  }
}

TEST(Rows, AMissAsksTheBackingUnlessAllIsInMemory) {
  MapBacking backing;
  Rows rows(&backing);
  rows.assume_complete();
  backing.stored[{1, "hidden"}] = {1, "x"};
  EXPECT_EQ(rows.find(1, "hidden"), nullptr);
  rows.fold(1, "a", 1);
  write_all(rows);
  rows.evict(0, 10'000);
  rows.evict(0, 10'000);
  EXPECT_EQ(rows.evictions(), 1u);
  EXPECT_NE(rows.find(1, "a"), nullptr);
  EXPECT_NE(rows.find(1, "hidden"), nullptr);
}

}  // namespace
}  // namespace headrace::testing_support
