// The made-up shop: a seed is a day, every kind of event is there, and one kind alone where one is asked for.
#include "src/simulation/shop.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>
#include <string>
#include <vector>

#include "codec/time_text.h"

namespace headrace {
namespace {

const Micros noon = *parse_time("2025-09-30T12:00:00Z");

std::vector<SourceEvent> shop(uint64_t seed, std::string_view only = {}) {
  auto source = make_shop({.events = 5'000, .only = only, .seed = seed, .end = noon, .run = "t"});
  std::vector<SourceEvent> events;
  for (SourceEvent event; *source->next(event);) events.push_back(event);
  return events;
}

std::string member_of(const std::string& json, std::string_view name) {
  simdjson::dom::parser parser;
  return std::string(std::string_view(parser.parse(json)[name]));
}

TEST(Shop, TheSameSeedIsTheSameDay) {
  const auto once = shop(3), again = shop(3), other = shop(4);
  ASSERT_EQ(once.size(), again.size());
  for (size_t at = 0; at < once.size(); ++at) EXPECT_EQ(once[at].json, again[at].json);
  EXPECT_NE(once[0].json, other[0].json);
}

TEST(Shop, IsInOrderWithinTheDayAndNamesEachEventOnce) {
  Micros before = noon - day_us;
  std::set<std::string> ids;
  for (const SourceEvent& event : shop(5)) {
    EXPECT_GE(event.time, before);
    EXPECT_LE(event.time, noon);
    before = event.time;
    EXPECT_TRUE(ids.insert(member_of(event.json, "event_id")).second);
  }
  EXPECT_GE(ids.size(), 5'000u);
}

TEST(Shop, HoldsEveryKindOfEvent) {
  std::set<std::string> types;
  for (const SourceEvent& event : shop(6)) types.insert(member_of(event.json, "event_type"));
  EXPECT_EQ(types, std::set<std::string>(shop_event_types.begin(), shop_event_types.end()));
}

TEST(Shop, HoldsOneKindWhereOneIsAskedFor) {
  for (std::string_view type : {"page_view", "purchase"}) {
    const auto events = shop(7, type);
    EXPECT_GE(events.size(), 5'000u);
    for (const SourceEvent& event : events) ASSERT_EQ(member_of(event.json, "event_type"), type);
  }
}

}  // namespace
}  // namespace headrace
