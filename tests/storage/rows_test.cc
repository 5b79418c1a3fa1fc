// Rows: find, fold once, write behind in order, evict, erase; against a plain map.
#include "storage/rows.h"

#include <malloc.h>

#include <map>

#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

// A backing that remembers, as LMDB would.
class MapBacking : public RowBacking {
 public:
  bool load(Row& row) override {
    auto found = stored.find({row.table, std::string(row.key())});
    if (found == stored.end()) return false;
    row.lsn = found->second.first;
    row.bytes = found->second.second;
    return true;
  }
  void store(const Row& row) override {
    order.emplace_back(row.key());
    if (row.gone) {
      stored.erase({row.table, std::string(row.key())});
    } else {
      stored[{row.table, std::string(row.key())}] = {row.lsn, row.bytes};
    }
  }
  void each(uint8_t table, const std::function<void(std::string_view key)>& visit) override {
    for (auto& [name, row] : stored)
      if (name.first == table) visit(name.second);
  }
  std::map<std::pair<uint8_t, std::string>, std::pair<Lsn, RowBytes>> stored;
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

TEST(Rows, ChosenOnesAreErasedWhereverTheyAre) {
  MapBacking backing;
  Rows rows(&backing);
  for (Lsn lsn = 1; lsn <= 6; ++lsn)
    rows.fold(static_cast<uint8_t>(1 + lsn % 2), "key" + std::to_string(lsn / 2), lsn)->bytes.assign("x");
  write_all(rows);
  rows.evict(0, 1'000'000);
  rows.evict(0, 1'000'000);
  rows.fold(1, "key9", 7)->bytes.assign("x");
  auto chosen = [](std::string_view key) { return key == "key1" || key == "key9"; };
  EXPECT_EQ(rows.erase_all(1, chosen, 8), 2u);
  EXPECT_FALSE(rows.find(1, "key1") || rows.find(1, "key9"));
  EXPECT_TRUE(rows.find(2, "key1") && rows.find(1, "key2"));
  EXPECT_EQ(rows.erase_all(1, chosen, 9), 0u) << "gone already, though it is still in the backing";
  write_all(rows);
  EXPECT_FALSE(backing.stored.contains({1, "key1"}));
  EXPECT_EQ(rows.erase_all(1, chosen, 10), 0u);
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
            ASSERT_EQ(std::string_view(row->bytes), model[key]);
          }
          break;
        }
        default: {
          Row* row = rows.fold(3, key, lsn);
          ASSERT_NE(row, nullptr);
          const char letter = static_cast<char>('a' + random() % 26);
          row->bytes.append({&letter, 1});
          model[key] += letter;
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
    for (const auto& [key, bytes] : model) ASSERT_EQ(std::string_view(backing.stored[{3, key}].second), bytes);
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

// What a fold makes of a row is charged for when the next one is touched, not when it is written behind: rows that change all the
// time would hold memory that nobody counts.
TEST(Rows, ChargesForWhatARowGrewBy) {
  MapBacking backing;
  Rows rows(&backing);
  constexpr size_t count = 1000, size = 1500;
  for (size_t i = 0; i < count; ++i) rows.fold(1, "key" + std::to_string(i), i + 1)->bytes.assign(std::string(size, 'x'));
  EXPECT_GT(rows.bytes(), (count - 1) * size);
  size_t full = rows.bytes();
  for (size_t i = 0; i < count; ++i) rows.fold(1, "key" + std::to_string(i), count + i + 1)->bytes.append(std::string(3 * size, 'x'));
  EXPECT_GT(rows.bytes(), full + (count - 1) * 3 * size);
  EXPECT_EQ(rows.dirty(), count);
  write_all(rows);
  rows.evict(0, 100'000);
  EXPECT_EQ(rows.count(), 0u);
  EXPECT_EQ(rows.bytes(), 0u);
}

TEST(Rows, ItsAccountIsWhatMallocHolds) {
  const size_t before = ::mallinfo2().uordblks;
  MapBacking backing;
  Rows rows(&backing);
  for (size_t i = 0; i < 20'000; ++i)
    rows.fold(1, "a-key-of-some-length-" + std::to_string(i), i + 1)->bytes.assign(std::string(300 + i % 700, 'x'));
  const size_t held = ::mallinfo2().uordblks - before;
  if (held == 0) GTEST_SKIP() << "another malloc";
  EXPECT_GT(rows.bytes(), held * 9 / 10) << held;
  EXPECT_LT(rows.bytes(), held * 5 / 4) << held;
}

TEST(Rows, WhatWasWrittenBehindAndHadOneChangeIsEvictedFirst) {
  MapBacking backing;
  Rows rows(&backing);
  for (Lsn lsn = 1; lsn <= 100; ++lsn) rows.fold(1, "once" + std::to_string(lsn), lsn)->bytes = "x";
  for (Lsn lsn = 101; lsn <= 300; ++lsn) rows.fold(1, "often" + std::to_string(lsn % 10), lsn)->bytes = "x";
  rows.take_chunk(1000);
  rows.write_chunk(60);
  rows.evict(0, 60);
  const size_t gone = rows.evictions();
  EXPECT_GE(gone, 50u) << "in key order those that changed often come first";
  rows.write_chunk(1000);
  rows.find(1, "once42");  // perhaps from the backing, then it is used
  rows.evict(0, 110 - 60);
  EXPECT_EQ(rows.count(), 110 - rows.evictions() + rows.loads());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(backing.stored.count({1, "often" + std::to_string(i)}), 1u);
  const uint64_t loads = rows.loads();
  for (int i = 0; i < 10; ++i) EXPECT_NE(rows.find(1, "often" + std::to_string(i)), nullptr);
  EXPECT_EQ(rows.loads(), loads) << "they had stayed";
  rows.evict(0, 100'000);
  EXPECT_EQ(rows.count(), 0u);
}

}  // namespace
}  // namespace headrace::testing_support
