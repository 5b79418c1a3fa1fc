// `headrace demo`: feeds a running server a shop's day and shows what it makes of it.
#include "tools/demo.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "src/base/time.h"
#include "tools/demo_csv.h"
#include "tools/demo_feed.h"
#include "src/simulation/shop.h"
#include "tools/demo_story.h"

namespace headrace {
namespace {

constexpr size_t judged_max = 10'000;
constexpr size_t story_events_min = 6, story_events_max = 16;  // of a cart worth telling

struct DemoOptions {
  std::string url = "http://127.0.0.1:8080", key, csv;
  uint64_t events = 0, seed = 1;
};

int demo_failed(const std::string& what) {
  fmt::print(stderr, "headrace demo: {}\n", what);
  return 1;
}

void describe_demo(CLI::App& app, DemoOptions& options) {
  app.description(
      "Feeds a running server a realistic stream of shopping events, made up or from a CSV file, then asks "
      "it "
      "which carts will be left and why.");
  app.footer(
      "Examples:\n  headrace demo --key KEY --events 20000\n  headrace demo --key KEY --csv 2019-Oct.csv.gz\n"
      "The key may also come from HEADRACE_ADMIN_KEY.");
  app.add_option("--url", options.url, "where the server listens")->capture_default_str();
  app.add_option("--key", options.key, "API key")->envname("HEADRACE_ADMIN_KEY");
  app.add_option("--events", options.events, "how many (default: 20,000 made up, or all of the file)")
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--seed", options.seed, "of the made-up shop")->capture_default_str();
  app.add_option("--csv", options.csv, "events of REES46, Taobao or Retailrocket, gzipped or not");
}

Result<std::unique_ptr<EventSource>> open_source(const DemoOptions& options) {
  if (!options.csv.empty()) return open_csv(options.csv);
  const Micros now = system_clock().wall();
  return make_shop({.events = options.events > 0 ? options.events : 20'000,
                    .seed = options.seed,
                    .end = now,
                    .run = fmt::format("{:x}", now / second_us)});
}

void print_feed(const EventSource& source, const FeedResult& result) {
  fmt::print("{}\n  {} events in {:.2f} s: {:.0f} events/s, each durable before its batch was answered\n",
             source.about(), result.sent, result.seconds, static_cast<double>(result.sent) / result.seconds);
  if (result.duplicates > 0) fmt::print("  {} had been sent before and changed nothing\n", result.duplicates);
  if (result.rejected > 0)
    fmt::print("  {} were rejected, the first: {}\n", result.rejected, result.first_rejection);
}

// Carts that hold something and were not paid.
std::vector<std::string> open_carts(const FeedResult& result) {
  std::vector<std::string> open;
  for (auto cart = result.carts.rbegin(); cart != result.carts.rend() && open.size() < judged_max; ++cart)
    if (const CartSeen& seen = result.seen.at(*cart); seen.filled && !seen.bought) open.push_back(*cart);
  return open;
}

// The first cart at high risk of a length that fits a screen, else any.
const Judgement& worth_telling(const std::vector<Judgement>& judgements, const FeedResult& result) {
  for (const std::string_view level : {"high", "medium", "low"})
    for (const Judgement& one : judgements) {
      const uint32_t events = result.seen.at(one.cart).events;
      if (one.risk_level == level && events >= story_events_min && events <= story_events_max) return one;
    }
  return judgements.front();
}

int tell(HttpClient& client, const FeedResult& result) {
  const auto judgements = judge(client, open_carts(result));
  if (!judgements) return demo_failed(judgements.problem().text());
  if (judgements->empty()) {
    fmt::print("  no cart was left open, so there is nothing to predict\n");
    return 0;
  }
  fmt::print("Open carts: {}\n", risk_text(*judgements));
  const auto story = cart_story(client, worth_telling(*judgements, result).cart);
  if (!story) return demo_failed(story.problem().text());
  fmt::print("{}", *story);
  return 0;
}

int run(const DemoOptions& options) {
  const auto origin = parse_origin(options.url);
  if (!origin) return demo_failed(origin.problem().text());
  auto source = open_source(options);
  if (!source) return demo_failed(source.problem().text());
  HttpClient client(*origin, options.key);
  const auto result = feed(**source, client, options.csv.empty() ? 0 : options.events);
  if (!result) return demo_failed(result.problem().text());
  if (result->sent == 0) return demo_failed("there was no event to send");
  print_feed(**source, *result);
  return tell(client, *result);
}

}  // namespace

int demo_main(int argc, char** argv) {
  DemoOptions options;
  CLI::App app("", "headrace demo");
  describe_demo(app, options);
  CLI11_PARSE(app, argc, argv);
  return run(options);
}

}  // namespace headrace
