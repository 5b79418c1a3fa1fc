// Definitions: what is accepted, what is refused and how the refusal is named, the default set, the digest.
#include "src/features/definition.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "src/base/limits.h"
#include "src/features/plan.h"

namespace {

using namespace headrace;
using namespace headrace::features;

Definition good() { return {"cart", "spend", "sum", "purchase", "price*quantity", "all_time", ""}; }

std::string refusal(const Definition& definition) {
  std::vector<Definition> one = {good(), definition};
  one[0].name = "other";
  auto plan = Plan::compile(one);
  if (plan.ok()) return "accepted";
  EXPECT_EQ(plan.problem().error, Error::bad_configuration);
  EXPECT_FALSE(plan.problem().detail.empty());
  return plan.problem().field;
}

template <class F>
std::string refusal_after(F change) {
  Definition definition = good();
  change(definition);
  return refusal(definition);
}

TEST(Definitions, WhatBreaksARuleIsNamed) {
  EXPECT_EQ(refusal(good()), "accepted");
  for (const char* name : {"", "Big", "1st", "with space", "dash-ed"}) {
    EXPECT_EQ(refusal_after([&](Definition& d) { d.name = name; }), "features[1].name") << name;
  }
  EXPECT_EQ(refusal_after([](Definition& d) { d.name = std::string(65, 'a'); }), "features[1].name");
  EXPECT_EQ(refusal_after([](Definition& d) { d.name = "other"; }), "features[1].name");
  EXPECT_EQ(refusal_after([](Definition& d) { d.entity = "basket"; }), "features[1].entity");
  EXPECT_EQ(refusal_after([](Definition& d) { d.aggregate = "median"; }), "features[1].aggregate");
  EXPECT_EQ(refusal_after([](Definition& d) { d.window = "2h"; }), "features[1].window");
  for (const char* events :
       {"", "|", "a |", "a b", "page[", "page[x]", "page[x=]", "page[=y]", "-purchase", "[x=y]", "a]"}) {
    EXPECT_EQ(refusal_after([&](Definition& d) { d.events = events; }), "features[1].events") << events;
  }
  for (const char* value : {"", "a*", "*b", "a*b*c", "a b", "a+b"}) {
    EXPECT_EQ(refusal_after([&](Definition& d) { d.value = value; }), "features[1].value") << value;
  }
}

TEST(Definitions, PartsMustFitEachOther) {
  EXPECT_EQ(refusal({"cart", "x", "count", "*", "price", "all_time", ""}), "features[1].value");
  EXPECT_EQ(refusal({"cart", "x", "seconds", "*", "price", "all_time", ""}), "features[1].value");
  EXPECT_EQ(refusal({"cart", "x", "distinct", "*", "a*b", "all_time", ""}), "features[1].value");
  EXPECT_EQ(refusal({"cart", "x", "max", "a | -b", "price", "all_time", ""}), "features[1].events");
  EXPECT_EQ(refusal({"cart", "x", "count", "a | -b", "", "1h", ""}), "accepted");
  EXPECT_EQ(refusal({"cart", "x", "month", "*", "", "1h", ""}), "features[1].window");
}

TEST(Definitions, AllAggregatesInAllWindowsCompile) {
  for (const char* window : {"all_time", "5m", "1h", "24h", "7d", "session"}) {
    for (const char* aggregate : {"sum", "min", "max", "mean", "first", "last", "distinct"}) {
      EXPECT_EQ(refusal({"user", "x", aggregate, "*", "price", window, ""}), "accepted")
          << aggregate << window;
    }
    for (const char* aggregate : {"count", "time_since", "rate", "seconds"}) {
      EXPECT_EQ(refusal({"user", "x", aggregate, "*", "", window, ""}), "accepted") << aggregate << window;
    }
  }
}

TEST(Definitions, LimitsAreLimits) {
  std::vector<Definition> many;
  for (size_t i = 0; i < limits::feature_definitions_max; ++i) {
    many.push_back({"cart", "f" + std::to_string(i), "count", "*", "", "all_time", ""});
  }
  EXPECT_TRUE(Plan::compile(many).ok());
  many.push_back({"cart", "more", "count", "*", "", "all_time", ""});
  EXPECT_FALSE(Plan::compile(many).ok());

  std::vector<Definition> numbers;
  for (size_t i = 1; i < limits::feature_fields_max; ++i) {
    numbers.push_back({"cart", "f" + std::to_string(i), "sum", "*", "n" + std::to_string(i), "all_time", ""});
  }
  EXPECT_TRUE(Plan::compile(numbers).ok());
  numbers.push_back({"cart", "more", "sum", "*", "more", "all_time", ""});
  EXPECT_EQ(Plan::compile(numbers).problem().field, "features[15].value");

  std::vector<Definition> clauses;
  for (size_t i = 0; i < limits::feature_clauses_max; ++i) {
    std::string n = std::to_string(i);
    clauses.push_back({i % 2 ? "cart" : "user", "f" + n, "count", "type" + n, "", "all_time", ""});
  }
  EXPECT_TRUE(Plan::compile(clauses).ok());
  clauses.push_back({"session", "more", "count", "one_more", "", "all_time", ""});
  EXPECT_EQ(Plan::compile(clauses).problem().field, "features[64].events");
}

TEST(Definitions, WordsAreNormalised) {
  std::vector<Definition> one = {
      {"cart", "x", "sum", " pv[ item_id = 7 ]|  - fav ", "amount * price", "all_time", ""}};
  auto plan = Plan::compile(one);
  ASSERT_TRUE(plan.ok());
  const Definition& text = (*plan)->kind(EntityKind::cart).outputs[0].text;
  EXPECT_EQ(text.events, "product_view[product_id=7] | -wishlist_add");
  EXPECT_EQ(text.value, "value*price");
}

TEST(Definitions, DigestFollowsMeaningOnly) {
  auto digest = [](Definition definition) {
    std::vector<Definition> one = {std::move(definition)};
    return (*Plan::compile(one))->definition_digest();
  };
  Definition spaced = good(), told = good();
  spaced.events = "  buy ";
  told.about = "told differently";
  EXPECT_EQ(digest(spaced), digest(good()));
  EXPECT_EQ(digest(told), digest(good()));
  std::set<uint64_t> digests = {digest(good())};
  for (auto change : {+[](Definition& d) { d.entity = "user"; }, +[](Definition& d) { d.name = "y"; },
                      +[](Definition& d) { d.aggregate = "mean"; }, +[](Definition& d) { d.events = "*"; },
                      +[](Definition& d) { d.value = "price"; }, +[](Definition& d) { d.window = "1h"; }}) {
    Definition changed = good();
    change(changed);
    EXPECT_TRUE(digests.insert(digest(changed)).second);
  }
}

// Rows hold clauses by number.
TEST(Definitions, DigestFollowsTheOrderThatNumbersClauses) {
  Definition cart = {"cart", "a", "count", "search", "", "1h", ""};
  Definition user = {"user", "b", "count", "purchase", "", "1h", ""};
  std::vector<Definition> one = {cart, user}, other = {user, cart};
  EXPECT_NE((*Plan::compile(one))->definition_digest(), (*Plan::compile(other))->definition_digest());
}

TEST(Definitions, StoredTextGivesThemBack) {
  std::vector<Definition> all = default_definitions();
  all.push_back({"cart", "x", "sum", " pv[ item_id = 7 ]|  - fav ", "amount * price", "all_time", "a \"word\"\n"});
  auto plan = Plan::compile(all);
  ASSERT_TRUE(plan.ok());
  auto read = definitions_of(to_text((*plan)->definitions()));
  ASSERT_TRUE(read.ok()) << read.problem().text();
  EXPECT_EQ(read->back().about, all.back().about);
  EXPECT_EQ((*Plan::compile(*read))->definition_digest(), (*plan)->definition_digest());
  EXPECT_FALSE(definitions_of("{\"definitions\": [{\"entity\": 1}]}").ok());
}

// What is coming is read of events, where there is room; rows stay as they are.
TEST(Definitions, AnotherPlansFieldsAreCarried) {
  std::vector<Definition> mine = {{"cart", "a", "sum", "purchase", "price", "all_time", ""}};
  std::vector<Definition> more = {{"user", "b", "sum", "purchase", "discount", "all_time", ""},
                                  {"user", "c", "distinct", "*", "coupon", "all_time", ""}};
  auto coming = Plan::compile(more), alone = Plan::compile(mine);
  auto plan = Plan::compile(mine, coming->get());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ((*plan)->definition_digest(), (*alone)->definition_digest());
  EXPECT_EQ((*plan)->kind(EntityKind::cart).blank, (*alone)->kind(EntityKind::cart).blank);
  std::set<std::string> carried;
  for (const Field& field : (*plan)->fields()) carried.insert(field.name);
  EXPECT_EQ(carried, (std::set<std::string>{"price", "discount", "coupon"}));
}

TEST(Definitions, TheDefaultSetCompilesAndNamesWhatModelsNeed) {
  auto plan = Plan::compile(default_definitions());
  ASSERT_TRUE(plan.ok()) << plan.problem().text();
  for (const char* name : {"admin_views",
                           "admin_seconds",
                           "info_views",
                           "info_seconds",
                           "product_views",
                           "product_seconds",
                           "month",
                           "weekend",
                           "returning_visitor",
                           "adds",
                           "removes",
                           "items_in_cart",
                           "cart_value",
                           "max_price",
                           "distinct_products",
                           "last_event_seconds",
                           "events_5m",
                           "events_1h",
                           "purchases",
                           "checkout_started"}) {
    EXPECT_TRUE((*plan)->index_of(EntityKind::cart, name)) << name;
  }
  EXPECT_FALSE((*plan)->index_of(EntityKind::user, "admin_views"));
  for (auto kind : {EntityKind::cart, EntityKind::user, EntityKind::session}) {
    EXPECT_GE((*plan)->kind(kind).outputs.size(), 15U);
    for (const Output& output : (*plan)->kind(kind).outputs) EXPECT_FALSE(output.text.about.empty());
  }
}

std::string code(std::string text) {
  for (size_t bar = 0; (bar = text.find('|', bar)) != text.npos; bar += 2) text.insert(bar, 1, '\\');
  return text.empty() ? "" : "`" + text + "`";
}

// The tables of docs/features.md are what the independent computation of tests/api reads.
TEST(Definitions, TheDefaultSetIsDocumented) {
  std::ifstream file(HEADRACE_SOURCE_DIR "/docs/features.md");
  std::string docs((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(docs.empty());
  docs.erase(0, docs.find("## The default set"));
  for (const Definition& d : default_definitions()) {
    std::string line = "\n| `" + d.name + "` | " + d.aggregate + " | " + code(d.events) + " | " +
                       code(d.value) + " | " + d.window + " | " + d.about + " |\n";
    size_t section = docs.find("### " + d.entity + "\n");
    EXPECT_LT(docs.find(line, section), docs.find("\n### ", section + 1)) << line;
  }
  size_t documented = 0;
  for (size_t at = 0; (at = docs.find("\n| `", at)) != docs.npos; ++at) ++documented;
  EXPECT_EQ(documented, default_definitions().size());
}

TEST(Definitions, NoDefinitionsIsAPlanToo) {
  auto plan = Plan::compile({});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ((*plan)->type_spelling("page_view"), 0);
}

}  // namespace
