// What features cost: parsing an event, folding it into the rows of a cart, a user and a session, reading a
// cart.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "src/features/engine.h"
#include "src/features/row.h"

namespace {

using namespace headrace;
using namespace headrace::features;

std::shared_ptr<const Plan> default_plan() { return *Plan::compile(default_definitions()); }

// A shop's day: mostly views, some carts, about 190 bytes of data each.
struct Stream {
  std::vector<std::string> data, users, sessions, carts;
  std::vector<Event> events;

  explicit Stream(size_t count, size_t entities) {
    std::mt19937_64 random(1);
    Micros time = 1'759'233'600'000'000;
    const char* types[] = {"page_view", "product_view", "product_view", "product_view", "product_view",
                           "search",    "add_to_cart",  "page_view",    "product_view", "purchase"};
    const char* pages[] = {"product", "admin", "info", "product"};
    for (size_t i = 0; i < count; ++i) {
      size_t who = random() % entities;
      users.push_back(fmt::format("user_{:06}", who));
      sessions.push_back(fmt::format("session_{:08x}", who * 7919));
      carts.push_back(fmt::format("cart_{:08x}", who * 104729));
      data.push_back(fmt::format(
          R"({{"user_id":"{}","session_id":"{}","cart_id":"{}","product_id":"p{}","price":{}.{:02},)"
          R"("quantity":{},"page_type":"{}","region":"eu-west","device":"mobile"}})",
          users[i], sessions[i], carts[i], random() % 5000, random() % 300, random() % 100, 1 + random() % 3,
          pages[random() % 4]));
    }
    for (size_t i = 0; i < count; ++i) {
      Event event;
      event.type = types[random() % 10];
      event.time = time += static_cast<Micros>(random() % 2'000'000);
      event.user = users[i];
      event.session = sessions[i];
      event.cart = carts[i];
      event.data = data[i];
      events.push_back(event);
    }
  }
};

void extract(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  Stream stream(4096, 64);
  Observation seen;
  size_t i = 0;
  for (auto _ : state) {
    fields.extract(stream.events[i++ & 4095], seen);
    benchmark::DoNotOptimize(seen);
  }
  state.counters["data_bytes"] = static_cast<double>(stream.data[0].size());
}
BENCHMARK(extract);

// Three rows per event, in cache, without the look-up of rows.
void fold_three_rows(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  auto entities = static_cast<size_t>(state.range(0));
  Stream stream(4096, entities);
  std::vector<Observation> seen(4096);
  std::vector<size_t> who(4096);
  for (size_t i = 0; i < 4096; ++i) {
    fields.extract(stream.events[i], seen[i]);
    who[i] = static_cast<size_t>(std::stoul(stream.users[i].substr(5)));
  }
  Micros lap = stream.events.back().time - stream.events.front().time;
  std::vector<std::string> rows(3 * entities);
  size_t i = 0;
  for (auto _ : state) {
    size_t at = i++ & 4095;
    for (size_t kind = 0; kind < 3; ++kind) {
      fold_row(plan->kind(static_cast<EntityKind>(kind)), seen[at], rows[3 * who[at] + kind]);
    }
    seen[at].time += lap;
  }
  size_t bytes = 0;
  for (const std::string& row : rows) bytes += row.size();
  state.counters["row_bytes_mean"] = static_cast<double>(bytes) / static_cast<double>(rows.size());
}
BENCHMARK(fold_three_rows)->Arg(8)->Arg(64)->Arg(512);

// The whole way of an event: parsed, and folded into three rows that are looked up by key.
void event_into_rows(benchmark::State& state) {
  FeatureEngine engine(default_plan(), 0);
  Rows rows;
  Stream stream(65'536, static_cast<size_t>(state.range(0)));
  Micros lap = stream.events.back().time - stream.events.front().time;
  Lsn lsn = 0;
  for (auto _ : state) {
    Event& event = stream.events[lsn & 65'535];
    engine.fold(event, every_kind, ++lsn, rows);
    event.time += lap;
  }
}
BENCHMARK(event_into_rows)->Arg(64)->Arg(4096)->Arg(65'536);

void encode_payload(benchmark::State& state) {
  auto plan = default_plan();
  Stream stream(64, 8);
  Observation seen;
  FieldIndex(plan).extract(stream.events[0], seen);
  std::string payload;
  for (auto _ : state) {
    payload.clear();
    encode_fold(*plan, {EntityKind::cart, stream.carts[0], 1, 1'000'000}, seen, payload);
    benchmark::DoNotOptimize(payload.data());
  }
  state.counters["payload_bytes"] = static_cast<double>(payload.size());
}
BENCHMARK(encode_payload);

void decode_payload(benchmark::State& state) {
  auto plan = default_plan();
  Stream stream(64, 8);
  Observation seen;
  FieldIndex(plan).extract(stream.events[0], seen);
  std::string payload;
  encode_fold(*plan, {EntityKind::cart, stream.carts[0], 1, 1'000'000}, seen, payload);
  for (auto _ : state) benchmark::DoNotOptimize(decode_fold(*plan, payload, seen));
}
BENCHMARK(decode_payload);

void fold_late(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  Stream stream(4096, 1);
  std::mt19937_64 random(2);
  std::shuffle(stream.events.begin(), stream.events.end(), random);
  std::vector<Observation> seen(4096);
  for (size_t i = 0; i < 4096; ++i) fields.extract(stream.events[i], seen[i]);
  std::string row;
  size_t i = 0;
  for (auto _ : state) fold_row(plan->kind(EntityKind::user), seen[i++ & 4095], row);
}
BENCHMARK(fold_late);

void read(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  auto kind = static_cast<EntityKind>(state.range(1));
  Stream stream(static_cast<size_t>(state.range(0)), 1);
  std::string row;
  Observation seen;
  for (const Event& event : stream.events) {
    fields.extract(event, seen);
    fold_row(plan->kind(kind), seen, row);
  }
  for (auto _ : state) benchmark::DoNotOptimize(read_row(plan->kind(kind), row, std::nullopt));
  state.counters["row_bytes"] = static_cast<double>(row.size());
}
BENCHMARK(read)->ArgNames({"points", "kind"})->ArgsProduct({{1, 20, 512}, {0, 1, 2}});

}  // namespace

BENCHMARK_MAIN();
