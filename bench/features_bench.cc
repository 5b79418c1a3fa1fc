// What features cost: parsing an event, folding it into the rows of a cart, a user and a session, reading a
// cart.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "src/features/engine.h"
#include "src/features/fold_payload.h"
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
  std::vector<RowBytes> rows(3 * entities);
  size_t i = 0;
  for (auto _ : state) {
    size_t at = i++ & 4095;
    for (size_t kind = 0; kind < 3; ++kind) {
      fold_row(plan->kind(static_cast<EntityKind>(kind)), seen[at], rows[3 * who[at] + kind]);
    }
    seen[at].time += lap;
  }
  size_t bytes = 0;
  for (const RowBytes& row : rows) bytes += row.size();
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

// Folds behind each other, as a batch of them travels to another partition.
void encode_folds(benchmark::State& state) {
  auto plan = default_plan();
  Stream stream(4096, 512);
  FieldIndex fields(plan);
  std::vector<Observation> seen(4096);
  for (size_t i = 0; i < 4096; ++i) fields.extract(stream.events[i], seen[i]);
  FoldWriter writer(plan);
  std::string folds;
  Lsn lsn = 0;
  for (auto _ : state) {
    size_t at = ++lsn & 4095;
    if (at % 128 == 0) folds.clear();
    if (at % 128 == 0 || lsn == 1) writer.begin(folds);
    writer.add(rank_of(lsn, EntityKind::cart), stream.carts[at], seen[at], folds);
  }
  benchmark::DoNotOptimize(folds.data());
}
BENCHMARK(encode_folds);

void decode_folds(benchmark::State& state) {
  auto plan = default_plan();
  Stream stream(4096, 512);
  FieldIndex fields(plan);
  FoldWriter writer(plan);
  std::string folds;
  Observation seen;
  for (size_t i = 0; i < 4096; ++i) {
    fields.extract(stream.events[i], seen);
    if (i % 128 == 0) writer.begin(folds);
    writer.add(rank_of(i + 1, EntityKind::cart), stream.carts[i], seen, folds);
  }
  auto reader = std::make_unique<FoldReader>(*plan, folds);
  Fold fold;
  for (auto _ : state) {
    if (!reader->next(fold)) reader = std::make_unique<FoldReader>(*plan, folds);
    benchmark::DoNotOptimize(fold);
  }
  state.counters["fold_bytes"] = static_cast<double>(folds.size()) / 4096;
}
BENCHMARK(decode_folds);

void fold_late(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  Stream stream(4096, 1);
  std::mt19937_64 random(2);
  std::shuffle(stream.events.begin(), stream.events.end(), random);
  std::vector<Observation> seen(4096);
  for (size_t i = 0; i < 4096; ++i) fields.extract(stream.events[i], seen[i]);
  RowBytes row;
  size_t i = 0;
  for (auto _ : state) fold_row(plan->kind(EntityKind::user), seen[i++ & 4095], row);
}
BENCHMARK(fold_late);

void read(benchmark::State& state) {
  auto plan = default_plan();
  FieldIndex fields(plan);
  auto kind = static_cast<EntityKind>(state.range(1));
  Stream stream(static_cast<size_t>(state.range(0)), 1);
  RowBytes row;
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
