// CSV files of three kinds as a source of events.
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tools/demo_csv.h"

namespace headrace {
namespace {

std::vector<SourceEvent> all_of(EventSource& source) {
  std::vector<SourceEvent> events;
  for (SourceEvent event;;) {
    const auto more = source.next(event);
    EXPECT_TRUE(more.ok());
    if (!more.ok() || !*more) return events;
    events.push_back(event);
  }
}

std::string text_of(const std::string& json, std::string_view group, std::string_view name) {
  simdjson::dom::parser parser;
  std::string_view text;
  const auto event = parser.parse(json);
  const auto found = group.empty() ? event[name].get(text) : event[group][name].get(text);
  return found == simdjson::SUCCESS ? std::string(text) : "";
}

class File {
 public:
  explicit File(const std::string& content)
      : path_(testing::TempDir() + "demo_" + std::to_string(getpid()) + ".csv") {
    std::ofstream(path_) << content;
  }
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<SourceEvent> events_in(const std::string& content) {
  const File file(content);
  auto source = open_csv(file.path());
  EXPECT_TRUE(source.ok());
  return source.ok() ? all_of(**source) : std::vector<SourceEvent>();
}

TEST(DemoCsv, ReadsRees46) {
  const auto events = events_in(
      "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
      "2019-10-01 00:00:00 UTC,view,44600062,21,,shiseido,35.79,541312140,72d7\n"
      "2019-10-01 00:00:07 UTC,cart,44600062,21,\"a,\"\"b\"\"\",,35.79,541312140,72d7\r\n"
      "not a time,cart,1,1,,,1,1,1\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(text_of(events[0].json, "", "event_type"), "product_view");
  EXPECT_EQ(text_of(events[0].json, "data", "brand"), "shiseido");
  EXPECT_EQ(text_of(events[1].json, "", "event_type"), "add_to_cart");
  EXPECT_EQ(text_of(events[1].json, "data", "category"), "a,\"b\"");
  EXPECT_EQ(events[1].cart, "72d7");
  EXPECT_EQ(events[1].time - events[0].time, 7 * second_us);
}

TEST(DemoCsv, CutsSessionsOfTaobaoAtSilenceWithOrWithoutHeader) {
  const std::string rows =
      "1,100,7,pv,1511658000\n1,100,7,cart,1511658060\n2,100,7,buy,1511658061\n1,101,7,fav,1511668000\n";
  for (const std::string& content : {rows, "user_id,item_id,category_id,behavior_type,timestamp\n" + rows}) {
    const auto events = events_in(content);
    ASSERT_EQ(events.size(), 4u);
    EXPECT_EQ(events[0].cart, events[1].cart);
    EXPECT_NE(events[0].cart, events[2].cart);
    EXPECT_NE(events[0].cart, events[3].cart);
    EXPECT_EQ(text_of(events[3].json, "", "event_type"), "wishlist_add");
  }
}

TEST(DemoCsv, ReadsRetailrocket) {
  const auto events =
      events_in("timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,addtocart,355908,\n");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(text_of(events[0].json, "", "event_type"), "add_to_cart");
  EXPECT_EQ(events[0].time, 1433221332117 * (second_us / 1000));
}

TEST(DemoCsv, RefusesOtherColumnsAndMissingFiles) {
  const File file("a,b,c\n1,2,3\n");
  EXPECT_FALSE(open_csv(file.path()).ok());
  EXPECT_FALSE(open_csv("/nonexistent.csv").ok());
}

}  // namespace
}  // namespace headrace
