// Who is meant, and what is left of the records that hold them.
#include <gtest/gtest.h>

#include <algorithm>

#include "src/events/event_fold.h"
#include "src/events/redaction.h"
#include "src/events/thinning.h"
#include "tests/events/default_plan.h"

namespace headrace {
namespace {

using features::EntityKind;

TEST(Subject, IsFoundWhereItStandsOnItsOwn) {
  Subject anna = Subject::of("anna-7");
  EXPECT_TRUE(anna.names("anna-7"));
  EXPECT_FALSE(anna.names("anna-8") || anna.names("anna-77"));
  for (std::string_view text :
       {"anna-7", "\"anna-7\"", "https://x/?u=anna-7&v=1", "a anna-7", "(anna-7)", "anna-77 anna-7"})
    EXPECT_TRUE(anna.is_in(text)) << text;
  for (std::string_view text :
       {"", "anna", "anna-77", "hanna-7", "anna-7.b", "anna-7@x.org", "anna-7\xc3\xa9", "7-anna"})
    EXPECT_FALSE(anna.is_in(text)) << text;
  EXPECT_EQ(anna.find("anna-7 anna-7", 1), 7u);
}

TEST(Subject, OutlivesItsBytesAndSharesNothingWithAnotherOfTheSameId) {
  Subject first = Subject::of("anna"), second = Subject::of("anna");
  std::string bytes, others;
  first.encode(bytes);
  second.encode(others);
  EXPECT_NE(bytes, others);
  EXPECT_EQ(bytes.find("anna"), std::string::npos);
  Taker take(bytes);
  auto read = Subject::decode(take);
  ASSERT_TRUE(read && take.rest().empty());
  EXPECT_TRUE(read->names("anna") && read->is_in("an anna!"));
  EXPECT_EQ(read->hash_of(EntityKind::cart, "c"), first.hash_of(EntityKind::cart, "c"));
  EXPECT_NE(read->hash_of(EntityKind::cart, "c"), read->hash_of(EntityKind::session, "c"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    Taker cut(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(Subject::decode(cut)) << size;
  }
}

TEST(Redaction, LeavesTheRestOfTheTextAsItWas) {
  Subject anna = Subject::of("anna");
  struct Case {
    std::string_view before, after;
  };
  for (auto& [before, after] :
       {Case{R"({"by":"anna"})", R"({"by":"erased"})"},
        {R"({"anna":[1,"anna"],"url":"/u/anna/x"})", R"({"erased":[1,"erased"],"url":"/u/erased/x"})"},
        {R"({"t":"\u0061nna","q":"a\"b"})", R"({"t":"erased","q":"a\"b"})"},
        {R"({"t":"anna\\","u":"anna"})", R"({"t":"erased","u":"erased"})"}}) {
    auto redacted = redact(before, anna);
    ASSERT_TRUE(redacted) << before;
    EXPECT_EQ(*redacted, after);
  }
  for (std::string_view text : {R"({"by":"annas"})", R"({"n":1,"t":"a\nb"})", R"({})"})
    EXPECT_FALSE(redact(text, anna)) << text;
  EXPECT_FALSE(redact(R"({"n":4711})", Subject::of("4711"))) << "a number is no name";
}

struct Seen {
  FoldRank rank;
  std::string key, type;
  Micros time;
  double price;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> read_folds(std::string_view folds) {
  std::vector<Seen> out;
  features::FoldReader reader(*plan(), folds);
  features::Fold fold;
  while (reader.next(fold)) {
    double sum = 0;
    for (double value : fold.seen.number) sum += value == value ? value : -1;
    out.push_back({fold.rank, std::string(fold.key), std::string(fold.seen.type), fold.seen.time, sum});
  }
  EXPECT_FALSE(reader.failed());
  return out;
}

// Many folds in two runs, of types that repeat.
std::string many_folds() {
  FeatureEngine engine(plan(), 1);
  features::FoldWriter writer(plan());
  std::string folds;
  const char* types[] = {"page_view", "add_to_cart", "never_heard_of", "purchase"};
  for (uint64_t i = 1; i <= 60; ++i) {
    if (i == 1 || i == 31) writer.begin(folds);
    std::string data = "{\"price\":" + std::to_string(i) + ".5,\"quantity\":2,\"product_id\":\"p" +
                       std::to_string(i) + "\"}";
    Event event{.id = "e", .type = types[i % 4], .source = "s", .user = "u", .data = data};
    event.time = 1'759'233'600'000'000 + static_cast<Micros>(i * 7919 % 101);
    Observation seen;
    engine.observe(event, seen);
    writer.add(features::rank_of(i, static_cast<EntityKind>(i % 3)), "key" + std::to_string(i % 5), seen,
               folds);
  }
  return folds;
}

TEST(TrimFolds, WhatStaysIsWhatItWas) {
  const std::string folds = many_folds();
  const std::vector<Seen> all = read_folds(folds);
  ASSERT_EQ(all.size(), 60u);
  for (std::string_view gone : {"key0", "key3", "nobody"}) {
    std::string out;
    auto trimmed = features::trim_folds(
        folds, [&](const features::FoldName& fold) { return fold.key == gone; }, out);
    ASSERT_TRUE(trimmed);
    std::vector<Seen> expected;
    for (const Seen& one : all)
      if (one.key != gone) expected.push_back(one);
    EXPECT_EQ(read_folds(out), expected) << gone;
    EXPECT_EQ(trimmed->kept, expected.size());
    EXPECT_EQ(trimmed->left_out, all.size() - expected.size());
    if (gone == "nobody") {
      EXPECT_EQ(out, folds);
    }
  }
}

TEST(TrimFolds, BytesThatAreNoFoldsAreRefused) {
  const std::string folds = many_folds();
  std::string out;
  auto none = [](const features::FoldName&) { return false; };
  EXPECT_FALSE(features::trim_folds(folds.substr(0, folds.size() - 1), none, out));
  EXPECT_FALSE(features::trim_folds("\x05\x01\x09", none, out));
}

class Erasing : public ::testing::Test {
 protected:
  Erasing() {
    order.owned = {order.subject.hash_of(EntityKind::cart, "c1"),
                   order.subject.hash_of(EntityKind::session, "s1")};
    std::ranges::sort(order.owned);
  }
  // The event as it is afterwards; nothing where it is gone.
  std::optional<std::string> data_after(const Event& event, Lsn lsn = 5) {
    std::string payload;
    encode(event, payload);
    RecordVisitor visit = without_person(order, 10, counts);
    RecordView record{.lsn = lsn, .kind = Kind::event, .payload = payload};
    if (!visit(record)) return std::nullopt;
    return std::string(decode_event(record.payload)->data);
  }

  ErasureOrder order{.subject = Subject::of("anna")};
  ErasureCounts counts;
};

TEST_F(Erasing, EventsOfThePersonGoAndThoseOfOthersStay) {
  const std::string_view plain = R"({"n":1})";
  EXPECT_FALSE(data_after({.id = "e", .type = "t", .source = "s", .user = "anna", .data = plain}));
  EXPECT_FALSE(data_after({.id = "e", .type = "t", .source = "s", .cart = "c1", .data = plain}))
      << "nobody's, in their cart";
  EXPECT_FALSE(data_after(
      {.id = "e", .type = "t", .source = own_source, .cart = "c9", .data = R"({"lead_id":"anna"})"}));
  EXPECT_FALSE(data_after({.id = "order:anna", .type = "t", .source = "s", .user = "bob", .data = plain}));
  EXPECT_EQ(counts.events, 4u);
  EXPECT_EQ(data_after({.id = "e", .type = "t", .source = "s", .user = "bob", .cart = "c1", .data = plain}),
            plain);
  EXPECT_EQ(data_after({.id = "e", .type = "t", .source = "s", .user = "annabel", .data = plain}), plain);
  EXPECT_EQ(data_after({.id = "e", .type = "t", .source = "s", .user = "bob", .data = R"({"ref":"anna"})"}),
            R"({"ref":"erased"})");
  EXPECT_EQ(counts.redacted, 1u);
  EXPECT_EQ(data_after({.id = "e", .type = "t", .source = "s", .user = "anna", .data = plain}, 11), plain)
      << "came later";
}

TEST_F(Erasing, AnOrderErasesTheSameRowsFromItsRecord) {
  FoldOutbox outbox(0, 1);
  EventFold fold(plan(), 0, 1, &outbox);
  Rows rows;
  Lsn lsn = 0;
  auto ingest = [&](std::string_view user, std::string_view session, std::string_view cart) {
    Foldable foldable;
    fold.prepare({.id = "e",
                  .type = "page_view",
                  .source = "s",
                  .user = user,
                  .session = session,
                  .cart = cart,
                  .data = "{}"},
                 foldable);
    fold.fold(foldable, ++lsn, rows);
  };
  ingest("anna", "s1", "c1");
  ingest("bob", "s2", "c2");
  for (const std::string& payload : order.payloads())
    fold.apply({.lsn = ++lsn, .kind = Kind::control, .version = 1, .payload = payload}, rows, false);
  EXPECT_EQ(fold.rows_erased(), 3u);
  EXPECT_FALSE(fold.engine().read(EntityKind::user, "anna", {}, rows));
  EXPECT_FALSE(fold.engine().read(EntityKind::cart, "c1", {}, rows));
  EXPECT_TRUE(fold.engine().read(EntityKind::user, "bob", {}, rows));
  EXPECT_TRUE(fold.engine().read(EntityKind::session, "s2", {}, rows));
  ingest("anna", "s1", "c1");
  EXPECT_TRUE(fold.engine().read(EntityKind::user, "anna", {}, rows)) << "who comes again is new";
}

TEST_F(Erasing, AnOrderOfManyEntitiesTakesSeveralRecords) {
  for (int i = 0; i < 70'000; ++i)
    order.owned.push_back(order.subject.hash_of(EntityKind::session, std::to_string(i)));
  std::ranges::sort(order.owned);
  auto payloads = order.payloads();
  EXPECT_EQ(payloads.size(), 2u);
  size_t count = 0;
  for (const std::string& payload : payloads) {
    EXPECT_LT(payload.size(), limits::record_bytes_max);
    count += ErasureOrder::decode(payload)->owned.size();
  }
  EXPECT_EQ(count, order.owned.size());
  EXPECT_FALSE(ErasureOrder::decode(payloads[0].substr(0, payloads[0].size() - 1)));
  EXPECT_FALSE(ErasureOrder::decode(payloads[0] + "x"));
}

TEST_F(Erasing, AnOrderOfATenantIsAboutNobodyElsesPerson) {
  order.tenant = "shop";
  const std::string ours = scoped("shop", "e"), theirs = scoped("inn", "e"), anna = scoped("shop", "anna"), cart = scoped("shop", "c1");
  const std::string mentioned = R"({"ref":"anna"})";
  EXPECT_FALSE(data_after({.id = ours, .type = "t", .source = "s", .user = anna, .data = "{}"}));
  EXPECT_FALSE(data_after({.id = ours, .type = "t", .source = "s", .cart = cart, .data = "{}"}));
  EXPECT_EQ(data_after({.id = ours, .type = "t", .source = "s", .data = mentioned}), R"({"ref":"erased"})");
  const std::string other_anna = scoped("inn", "anna"), other_cart = scoped("inn", "c1");
  for (std::string_view id : {std::string_view(theirs), std::string_view("e")}) {
    EXPECT_EQ(data_after({.id = id, .type = "t", .source = "s", .user = id == "e" ? "anna" : other_anna, .data = mentioned}), mentioned);
    EXPECT_EQ(data_after({.id = id, .type = "t", .source = "s", .cart = id == "e" ? "c1" : other_cart, .data = mentioned}), mentioned);
  }
  EXPECT_EQ(counts.events, 2u);
  EXPECT_EQ(counts.redacted, 1u);
  auto read = ErasureOrder::decode(order.payloads()[0]);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tenant, "shop");
  EXPECT_TRUE(read->owns(EntityKind::user, anna) && read->owns(EntityKind::cart, cart));
  EXPECT_FALSE(read->owns(EntityKind::user, "anna") || read->owns(EntityKind::cart, other_cart));
}

TEST_F(Erasing, OrdersOfBeforeTenantsAreThePlatforms) {
  std::string payload = order.payloads()[0];
  payload[1] = 1;        // the version
  payload.erase(2, 1);   // the length of no tenant
  auto read = ErasureOrder::decode(payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tenant, "");
  EXPECT_EQ(read->owned, order.owned);
  EXPECT_TRUE(read->owns(EntityKind::user, "anna"));
}

}  // namespace
}  // namespace headrace
