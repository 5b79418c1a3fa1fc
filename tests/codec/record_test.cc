// Records: any of them round-trip; no bytes whatever make the cursor misbehave.
#include "codec/record.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace headrace {
namespace {

struct Owned {
  Kind kind;
  uint8_t version;
  Micros time;
  std::string key, payload;
};

Owned random_record(std::mt19937_64& random) {
  auto text = [&](size_t size_max) {
    std::string bytes(random() % (size_max + 1), '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
  };
  Micros time = random() % 4 == 0 ? static_cast<Micros>(random()) : static_cast<Micros>(random() % 1'000'000);
  if (random() % 50 == 0) time = std::numeric_limits<Micros>::min();
  return {static_cast<Kind>(1 + random() % 5), static_cast<uint8_t>(random()), time, text(300),
          text(random() % 10 == 0 ? 100'000 : 200)};
}

TEST(Record, RoundTrips) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    Micros base =
        round % 3 == 0 ? std::numeric_limits<Micros>::max() : static_cast<Micros>(random() % 1'000'000'000);
    std::vector<Owned> records(1 + random() % 20);
    std::string body;
    for (Owned& record : records) {
      record = random_record(random);
      size_t before = body.size();
      encode_record({0, record.kind, record.version, record.time, record.key, record.payload}, base, body);
      EXPECT_LE(body.size() - before, encoded_record_bytes_max(record.key.size(), record.payload.size()));
    }
    RecordCursor cursor(body, 1000, static_cast<uint32_t>(records.size()), base);
    RecordView view;
    for (size_t i = 0; i < records.size(); ++i) {
      ASSERT_FALSE(cursor.at_end());
      ASSERT_TRUE(cursor.next(view).ok());
      EXPECT_EQ(view.lsn, 1000 + i);
      EXPECT_EQ(view.kind, records[i].kind);
      EXPECT_EQ(view.version, records[i].version);
      EXPECT_EQ(view.time, records[i].time);
      EXPECT_EQ(view.key, records[i].key);
      EXPECT_EQ(view.payload, records[i].payload);
    }
    EXPECT_TRUE(cursor.at_end());
  }
}

TEST(Record, ABodyMustEndWithItsLastRecord) {
  std::string body;
  encode_record({0, Kind::event, 1, 0, "k", "p"}, 0, body);
  RecordView view;
  std::string tail = body + "x";
  RecordCursor longer(tail, 1, 1, 0);
  EXPECT_FALSE(longer.next(view).ok());
  for (size_t size = 0; size < body.size(); ++size) {
    RecordCursor shorter(std::string_view(body).substr(0, size), 1, 1, 0);
    EXPECT_FALSE(shorter.next(view).ok());
  }
}

TEST(Record, AnyBytes) {
  std::mt19937_64 random(9);
  std::string body;
  for (int i = 0; i < 10; ++i) encode_record({0, Kind::put, 1, 50 + i, "key", "payload"}, 0, body);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = body;
    for (uint64_t flips = 1 + random() % 4; flips > 0; --flips)
      bad[random() % bad.size()] = static_cast<char>(random());
    bad.resize(random() % (bad.size() + 1));
    RecordCursor cursor(bad, 1, 10, static_cast<Micros>(random()));
    RecordView view;
    while (!cursor.at_end() && cursor.next(view).ok()) {
      ASSERT_GE(view.key.data(), bad.data());
      ASSERT_LE(view.payload.data() + view.payload.size(), bad.data() + bad.size());
    }
  }
}

TEST(Record, KindsHaveNames) {
  EXPECT_EQ(name_of(Kind::event), "event");
  EXPECT_EQ(name_of(Kind::fold), "fold");
  EXPECT_EQ(name_of(static_cast<Kind>(99)), "unknown");
}

}  // namespace
}  // namespace headrace
