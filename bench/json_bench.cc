// What JSON costs: events in and acks out, beside a floor that touches the same members and checks nothing.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <map>
#include <random>
#include <string>
#include <string_view>

#include "codec/event_json.h"
#include "codec/json.h"
#include "codec/time_text.h"
#include "routes/predictions/answer.h"
#include "src/base/check.h"
#include "src/base/random.h"

namespace {

using namespace headrace;

constexpr size_t batch_events = 1000;

// As tools/bench_payload.cc writes them: about 245 bytes each.
std::string event_text(std::mt19937& dice, size_t number) {
  constexpr std::string_view regions[] = {"eu-west", "us-east", "us-west", "ap-south"};
  constexpr std::string_view types[] = {"page_view", "product_view", "add_to_cart", "purchase"};
  return fmt::format(
      R"({{"event_id":"evt_{:08x}{:016x}","timestamp":"2025-09-30T12:00:{:02}.{:06}Z","event_type":"{}",)"
      R"("data":{{"user_id":"u{}","session_id":"s{}","cart_id":"c1-{:x}","product_id":"p{}",)"
      R"("price":{}.{:02},"quantity":{},"region":"{}"}}}})",
      dice(), number, number % 60, dice() % 1'000'000, types[dice() % 4], number / 2, number, number,
      dice() % 5'000, 1 + dice() % 200, dice() % 100, 1 + dice() % 3, regions[number % 4]);
}

std::string batch_text(std::string_view open, std::string_view between, std::string_view close) {
  std::mt19937 dice(1);
  std::string out(open);
  for (size_t i = 0; i < batch_events; ++i) out.append(i ? between : "").append(event_text(dice, 20'000 + i));
  return out.append(close);
}

void count_events(benchmark::State& state, size_t each, size_t bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * each));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

void read_array(benchmark::State& state) {
  std::string body = batch_text("[", ",", "]");
  EventBatch batch;
  for (auto _ : state) CHECK(batch.read_array(body).ok() && batch.entries().size() == batch_events);
  count_events(state, batch_events, body.size());
}
BENCHMARK(read_array);

void read_array_with_escapes(benchmark::State& state) {
  std::string body = batch_text("[", ",", "]");
  for (size_t at = 0; (at = body.find("eu-west", at)) != body.npos;) body.replace(at, 7, "eu\\/west");
  EventBatch batch;
  for (auto _ : state) CHECK(batch.read_array(body).ok() && batch.entries().size() == batch_events);
  count_events(state, batch_events, body.size());
}
BENCHMARK(read_array_with_escapes);

void read_lines(benchmark::State& state) {
  std::string body = batch_text("", "\n", "\n");
  EventBatch batch;
  for (auto _ : state) CHECK(batch.read_lines(body).ok() && batch.entries().size() == batch_events);
  count_events(state, batch_events, body.size());
}
BENCHMARK(read_lines);

void read_one(benchmark::State& state) {
  std::mt19937 dice(1);
  std::string body = event_text(dice, 20'000);
  EventBatch batch;
  for (auto _ : state) CHECK(batch.read_one(body).ok());
  count_events(state, 1, body.size());
}
BENCHMARK(read_one);

// simdjson's on-demand parser over the same members of a padded body, unchecked and unkept.
void floor_array(benchmark::State& state) {
  namespace od = simdjson::ondemand;
  simdjson::padded_string body(batch_text("[", ",", "]"));
  od::parser parser;
  for (auto _ : state) {
    od::document document;
    CHECK(!parser.iterate(body).get(document));
    size_t bytes = 0;
    for (od::object event : document) {
      std::string_view text;
      for (auto name : {"event_id", "timestamp", "event_type"})
        if (!event[name].get(text)) bytes += text.size();
      od::object data = event["data"];
      for (auto name : {"user_id", "session_id", "cart_id"})
        if (!data[name].get(text)) bytes += text.size();
    }
    benchmark::DoNotOptimize(bytes);
  }
  count_events(state, batch_events, body.size());
}
BENCHMARK(floor_array);

// The members of what POST /api/predict takes.
struct PredictInput {
  std::optional<std::string> cart_id, durability;
  std::optional<std::map<std::string, double>> features;
  bool explain = false;
  static constexpr auto shape() {
    return std::tuple{field("cart_id", &PredictInput::cart_id, "", length(1, 256)),
                      field("features", &PredictInput::features, "", length(1, 100)),
                      field("explain", &PredictInput::explain, "", optional_field),
                      field("durability", &PredictInput::durability, "", one_of("async", "sync"))};
  }
};

void read_predict_body(benchmark::State& state) {
  std::string body = R"({"cart_id":"c1-77"})";
  for (auto _ : state) CHECK(from_json<PredictInput>(body).ok());
}
BENCHMARK(read_predict_body);

// The members of the ack that POST /api/events answers.
struct Ack {
  std::string status, event_id, topic;
  int64_t partition = 0, offset = 0;
  std::optional<bool> duplicate;
  std::optional<CartAnswer> prediction;
  static constexpr auto shape() {
    return std::tuple{field("status", &Ack::status, ""),          field("event_id", &Ack::event_id, ""),
                      field("topic", &Ack::topic, ""),            field("partition", &Ack::partition, ""),
                      field("offset", &Ack::offset, ""),          field("duplicate", &Ack::duplicate, ""),
                      field("prediction", &Ack::prediction, "")};
  }
};

void write_ack(benchmark::State& state) {
  Ack ack{"success", "evt_0123456789abcdef01234567", "events.product_view", 1, 123'456'789, {}, {}};
  for (auto _ : state) benchmark::DoNotOptimize(to_json(ack));
}
BENCHMARK(write_ack);

CartPrediction prediction() {
  CartPrediction out;
  out.cart_id = "c1-77", out.prediction_id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
  out.model = "cart_abandonment", out.model_version = "2", out.risk_level = "medium";
  out.probability = 0.6172839f;
  out.as_of = {1'759'233'600'000'001, true};
  return out;
}

void write_prediction(benchmark::State& state) {
  CartPrediction answer = prediction();
  for (auto _ : state) benchmark::DoNotOptimize(to_json(answer));
}
BENCHMARK(write_prediction);

void write_prediction_explained(benchmark::State& state) {
  CartPrediction answer = prediction();
  answer.features_used.emplace();
  for (int i = 0; i < 20; ++i) answer.features_used->emplace(fmt::format("feature_{}", i), static_cast<float>(i) * 1.37f);
  answer.reasons.emplace();
  for (int i = 0; i < 5; ++i)
    answer.reasons->push_back({fmt::format("feature_{}", i), static_cast<float>(i) * 1.37f, i * -0.0137});
  for (auto _ : state) benchmark::DoNotOptimize(to_json(answer));
}
BENCHMARK(write_prediction_explained);

void write_string(benchmark::State& state) {
  std::string text(static_cast<size_t>(state.range(0)), 'x'), out;
  for (auto _ : state) {
    out.clear();
    append_json_string(text, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_string)->ArgName("bytes")->Arg(5)->Arg(28)->Arg(200);

void write_number(benchmark::State& state) {
  double number = state.range(0) ? 0.6172839f : 17, step = 0;
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_json_number(number + step, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_number)->ArgName("fraction")->Arg(0)->Arg(1);

void read_time(benchmark::State& state) {
  std::string text = "2025-09-30T12:00:00.123456Z";
  for (auto _ : state) benchmark::DoNotOptimize(parse_time(text));
}
BENCHMARK(read_time);

void write_time(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_time(1'759'233'600'000'001, true, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_time);

void uuid(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make_uuid(thread_random()));
}
BENCHMARK(uuid);

void token(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make_token(thread_random(), 20));
}
BENCHMARK(token);

}  // namespace

BENCHMARK_MAIN();
