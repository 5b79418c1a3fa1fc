// Documents and their indexes against a plain map, and the order of scans.
#include <map>
#include <set>

#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

class DocumentsTest : public ::testing::Test {
 protected:
  void SetUp() override { bench.open(); }
  Documents& documents() { return bench.partition->documents(); }
  void erase(std::string_view key) {
    Change change;
    change.erase(7, key);
    ASSERT_TRUE(bench.partition->commit(change).ok());
  }
  std::vector<std::string> scan(ScanRange range, size_t limit = SIZE_MAX) {
    std::vector<std::string> keys;
    documents().scan(7, range, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return keys.size() < limit;
    });
    return keys;
  }
  std::vector<std::string> by_index(uint8_t index, Documents::Match match, ScanRange range,
                                    size_t limit = SIZE_MAX, std::string* position = nullptr) {
    std::vector<std::string> keys;
    documents().scan_index(7, index, match, range,
                           [&](std::string_view at, std::string_view key, std::string_view value) {
                             keys.emplace_back(key);
                             EXPECT_EQ(documents().find(7, key), value);
                             if (position != nullptr) *position = at;
                             return keys.size() < limit;
                           });
    return keys;
  }

  ScratchDirectory scratch;
  Bench bench{scratch.path()};
};

using Keys = std::vector<std::string>;

TEST_F(DocumentsTest, ScansInBothDirections) {
  for (const char* key : {"a", "a1", "a2", "b", "b\xff", "b\xff\xff", "c"}) bench.put(key, "open|x");
  Change other;  // tables before and behind
  other.put(6, "z", "v");
  other.put(8, "a", "v");
  ASSERT_TRUE(bench.partition->commit(other).ok());
  EXPECT_EQ(scan({}), (Keys{"a", "a1", "a2", "b", "b\xff", "b\xff\xff", "c"}));
  EXPECT_EQ(scan({.order = Order::descending}), (Keys{"c", "b\xff\xff", "b\xff", "b", "a2", "a1", "a"}));
  EXPECT_EQ(scan({.prefix = "a"}), (Keys{"a", "a1", "a2"}));
  EXPECT_EQ(scan({.prefix = "a", .order = Order::descending}), (Keys{"a2", "a1", "a"}));
  EXPECT_EQ(scan({.prefix = "b\xff"}), (Keys{"b\xff", "b\xff\xff"}));
  EXPECT_EQ(scan({.prefix = "b\xff", .order = Order::descending}), (Keys{"b\xff\xff", "b\xff"}));
  EXPECT_EQ(scan({.after = "a1"}, 2), (Keys{"a2", "b"}));
  EXPECT_EQ(scan({.after = "a11"}, 1), (Keys{"a2"}));
  EXPECT_EQ(scan({.after = "a2", .order = Order::descending}), (Keys{"a1", "a"}));
  EXPECT_EQ(scan({.prefix = "q"}), Keys{});
}

TEST_F(DocumentsTest, TheLastTableScansBackwards) {
  Change change;
  change.put(255, "a", "1");
  change.put(255, "b", "2");
  ASSERT_TRUE(bench.partition->commit(change).ok());
  Keys keys;
  documents().scan(255, {.order = Order::descending}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  });
  EXPECT_EQ(keys, (Keys{"b", "a"}));
}

TEST_F(DocumentsTest, IndexesFollowTheirDocuments) {
  bench.put("o1", "open|ann");
  bench.put("o2", "paid|ann");
  bench.put("o3", "open|bob");
  bench.put("o4", "open");  // no customer
  using Match = Documents::Match;
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "open"}), (Keys{"o1", "o3", "o4"}));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "ope"}), Keys{});
  EXPECT_EQ(by_index(0, Match::prefix, {.prefix = "ope"}), (Keys{"o1", "o3", "o4"}));
  EXPECT_EQ(by_index(0, Match::prefix, {}), (Keys{"o1", "o3", "o4", "o2"}));
  EXPECT_EQ(by_index(1, Match::prefix, {.prefix = "ann/"}), (Keys{"o1", "o2"}));
  EXPECT_EQ(by_index(1, Match::prefix, {.prefix = "ann/", .order = Order::descending}), (Keys{"o2", "o1"}));
  bench.put("o1", "paid|ann");
  erase("o3");
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "open"}), (Keys{"o4"}));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "paid"}), (Keys{"o1", "o2"}));
  std::string position;
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "paid"}, 1, &position), (Keys{"o1"}));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = "paid", .after = position}), (Keys{"o2"}));
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST_F(DocumentsTest, IndexKeysMayHoldAnyByteAndAnyLength) {
  std::string zeros("\0\0", 2), zero("\0", 1), long_key(1000, 'L');
  bench.put("a", zeros);
  bench.put("b", zero);
  bench.put("c", "");
  bench.put("d", std::string("\0\x01", 2));
  bench.put("e", long_key);
  bench.put("f", long_key + "tail");
  using Match = Documents::Match;
  EXPECT_EQ(by_index(0, Match::prefix, {}, 4), (Keys{"c", "b", "a", "d"}))
      << "in the order of the index keys";
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = zero}), (Keys{"b"}));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = ""}), (Keys{"c"}));
  EXPECT_EQ(by_index(0, Match::prefix, {.prefix = zero}), (Keys{"b", "a", "d"}));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = long_key}), (Keys{"e", "f"})) << "cut alike";
  std::string wide(limits::key_bytes_max, '\0');
  bench.put(wide, std::string(300, '\0'));
  EXPECT_EQ(by_index(0, Match::whole, {.prefix = std::string(300, '\0')}), (Keys{wide}));
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST_F(DocumentsTest, LargeValues) {
  std::mt19937_64 random(1);
  for (size_t size : {size_t{0}, size_t{1}, size_t{2000}, size_t{4096}, size_t{100'000}, size_t{900'000}}) {
    std::string value(size, '\0');
    for (char& c : value) c = static_cast<char>(random());
    Change change;
    change.put(9, "big", value);
    ASSERT_TRUE(bench.partition->commit(change).ok());
    EXPECT_EQ(documents().find(9, "big"), value);
  }
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

TEST_F(DocumentsTest, LikeAMap) {
  std::mt19937_64 random(42);
  std::map<std::string, std::string> model;
  for (int i = 0; i < 5000; ++i) {
    std::string key = "o" + std::to_string(random() % 400);
    if (random() % 4 == 0) {
      erase(key);
      model.erase(key);
    } else {
      std::string value = std::to_string(random() % 5) + "|c" + std::to_string(random() % 30);
      bench.put(key, value);
      model[key] = value;
    }
    if (i % 40 == 0) bench.pump();
    if (i % 200 != 0) continue;
    Keys all;
    for (const auto& [name, value] : model) all.push_back(name);
    ASSERT_EQ(scan({}), all);
    std::string customer = "c" + std::to_string(random() % 30);
    std::set<std::pair<std::string, std::string>> expected;
    for (const auto& [name, value] : model) {
      if (value.substr(2) == customer) expected.insert({value.substr(0, 1), name});
    }
    Keys ordered;
    for (const auto& [status, name] : expected) ordered.push_back(name);
    ASSERT_EQ(by_index(1, Documents::Match::prefix, {.prefix = customer + "/"}), ordered);
  }
  EXPECT_EQ(bench.digest(), bench.rebuilt());
}

}  // namespace
}  // namespace headrace::testing_support
