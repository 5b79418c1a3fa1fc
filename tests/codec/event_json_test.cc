// What producers send becomes events, or problems that name index, field and rule.
#include "codec/event_json.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(EventJson, ReadsOne) {
  EventBatch batch;
  auto read = batch.read_one(
      R"({"event_id":"evt_123","event_type":"user_action","timestamp":"2025-09-30T12:00:00.000001","extra":{"a":[]},)"
      R"("data":{"user_id":"user \u00e9","session_id":17,"action":"click","nested":{"cart_id":"no"}}})");
  ASSERT_TRUE(read.ok()) << read.problem().text();
  ASSERT_EQ(batch.entries().size(), 1u);
  auto& entry = batch.entries()[0];
  ASSERT_LT(entry.problem, 0);
  EXPECT_TRUE(entry.has_id);
  EXPECT_EQ(entry.event.id, "evt_123");
  EXPECT_EQ(entry.event.type, "user_action");
  EXPECT_EQ(entry.event.user, "user é");
  EXPECT_EQ(entry.event.session, "17");
  EXPECT_EQ(entry.event.cart, "");
  EXPECT_EQ(entry.event.time, 1759233600000001);
  EXPECT_EQ(entry.event.data,
            R"({"user_id":"user \u00e9","session_id":17,"action":"click","nested":{"cart_id":"no"}})");
}

TEST(EventJson, BrokenRulesNameTheirField) {
  struct Case {
    std::string_view text, field;
  };
  for (auto& c : std::initializer_list<Case>{
           {R"({})", "event_type"},
           {R"({"event_type":""})", "event_type"},
           {R"({"event_type":"a b"})", "event_type"},
           {R"({"event_type":5})", "event_type"},
           {R"({"event_type":"a","event_id":5})", "event_id"},
           {R"({"event_type":"a","event_id":""})", "event_id"},
           {R"({"event_type":"a","timestamp":"noon"})", "timestamp"},
           {R"({"event_type":"a","timestamp":12})", "timestamp"},
           {R"({"event_type":"a","data":[]})", "data"},
           {R"({"event_type":"a","data":{"user_id":[]}})", "data.user_id"},
           {R"({"event_type":"a","data":{"cart_id":1.5}})", "data.cart_id"},
           {R"({"event_type":"a","user_id":true})", "user_id"},
       }) {
    EventBatch batch;
    ASSERT_TRUE(batch.read_one(c.text).ok()) << c.text;
    auto& entry = batch.entries()[0];
    ASSERT_GE(entry.problem, 0) << c.text;
    EXPECT_EQ(batch.problem_of(entry).field, c.field) << c.text;
    EXPECT_FALSE(batch.problem_of(entry).detail.empty());
  }
}

TEST(EventJson, MalformedIsRefusedWhole) {
  std::string deep = R"({"event_type":"a","data":{"x":)" + std::string(70, '[') + std::string(70, ']') + "}}";
  for (std::string_view text :
       {std::string_view(""), std::string_view("{"), std::string_view(R"({"event_type":"a"}})"),
        std::string_view(R"({"event_type":"a"} {"event_type":"b"})"),
        std::string_view(R"({"event_type":"a","event_type":"b"})"),
        std::string_view(R"({"event_type":"a","data":{"k":1,"k":2}})"),
        std::string_view(R"({"event_type":"a","data":{"k":{"l":1,"l":2}}})"),
        std::string_view(R"({"event_type":"a","data":{"k":NaN}})"),
        std::string_view(R"({"event_type":"a","data":{"k":1e400}})"),
        std::string_view(R"({"event_type":"a","data":{"k":"\u12"}})"),
        std::string_view("{\"event_type\":\"a\",\"data\":{\"k\":\"\xc3\"}}"), std::string_view(deep)}) {
    EventBatch batch;
    auto read = batch.read_one(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.problem().error, Error::malformed_json) << text;
  }
}

TEST(EventJson, ArraysGiveEachEventItsVerdict) {
  EventBatch batch;
  ASSERT_TRUE(
      batch
          .read_array(
              R"([{"event_type":"a","event_id":"1"},7,{"data":{}},{"event_type":"b","data":{"user_id":"u"}}])")
          .ok());
  auto& entries = batch.entries();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_LT(entries[0].problem, 0);
  EXPECT_EQ(batch.problem_of(entries[1]).field, "event");
  EXPECT_EQ(batch.problem_of(entries[2]).field, "event_type");
  EXPECT_EQ(entries[3].event.user, "u");
  ASSERT_TRUE(batch.read_array(R"({"events":[{"event_type":"a"}]})").ok());
  EXPECT_EQ(batch.entries().size(), 1u);
  EXPECT_FALSE(batch.read_array(R"([{"event_type":"a"},{"event_type":"b")").ok());
  EXPECT_FALSE(batch.read_array(R"({"event_type":"a"})").ok());
}

TEST(EventJson, LinesAreReadOneByOne) {
  EventBatch batch;
  ASSERT_TRUE(
      batch
          .read_lines(
              "{\"event_type\":\"a\",\"event_id\":\"x\\n1\"}\r\n\n{\"event_type\":\n{\"event_type\":\"b\"}")
          .ok());
  auto& entries = batch.entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].event.id, "x\n1");
  EXPECT_EQ(batch.problem_of(entries[1]).error, Error::malformed_json);
  EXPECT_EQ(entries[2].event.type, "b");
}

}  // namespace
}  // namespace headrace
