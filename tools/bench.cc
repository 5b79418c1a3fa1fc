// `headrace bench`: an HTTP load generator for a running server.
#include "tools/bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>
#include <string>

#include "tools/bench_payload.h"
#include "tools/bench_report.h"
#include "tools/load_run.h"
#include "tools/process_cpu.h"
#include "tools/socket_reply.h"

namespace headrace {
namespace {

constexpr int ok_status = 0, failed_status = 1, usage_status = 2;
constexpr size_t batch_templates = 24;
constexpr size_t events_per_cart = 3;  // fed before `predict`

struct Options {
  std::string scenario, url = "http://127.0.0.1:8080", path = "/health";
  PoolWish pool;
  LoadPlan load;
  bool json = false;
};

int fail(const std::string& what, int status = failed_status) {
  fmt::print(stderr, "headrace bench: {}\n", what);
  return status;
}

void describe(CLI::App& app, Options& options) {
  app.description(
      "Puts a running server under load and prints throughput, throughput per second of server processor "
      "time, "
      "and latency percentiles.");
  app.footer(
      "Example:\n  headrace bench batch --url http://127.0.0.1:8080 --key KEY --connections 8 --batch 1000\n"
      "The key may also come from HEADRACE_ADMIN_KEY. The exit status is 1 where a request failed.");
  app.add_option("scenario", options.scenario,
                 "single: one durable event per POST; batch: --batch events per POST; predict: by cart id, "
                 "on carts it "
                 "feeds first; event_predict: event in, prediction out; get: any --path; post: one event to "
                 "any --path; websocket: --batch events per message of /events/stream")
      ->required()
      ->check(CLI::IsMember({"single", "batch", "predict", "event_predict", "get", "post", "websocket"}));
  app.add_option("--url", options.url, "where the server listens")->capture_default_str();
  app.add_option("--key", options.pool.key, "API key")->envname("HEADRACE_ADMIN_KEY");
  app.add_option("--path", options.path, "for get and post")->capture_default_str();
  app.add_option("--batch", options.pool.batch, "events per batch")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--carts", options.pool.carts, "distinct carts")
      ->capture_default_str()
      ->check(CLI::Range(1, 200'000));
  app.add_flag("--ndjson", options.pool.ndjson, "batches as one event per line");
  app.add_flag("--json", options.json, "the result as one JSON object");
}

void describe_load(CLI::App& app, LoadPlan& load) {
  app.add_option("--connections", load.connections, "keep-alive connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--pipeline", load.pipeline, "requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--duration", load.duration_s, "seconds measured")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  app.add_option("--warmup", load.warmup_s, "seconds before them")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3'600.0));
  app.add_option(
         "--rate", load.rate,
         "requests per second in all, sent whether or not answers come (latency counts from when each was "
         "due); 0: as fast as answers come")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e7));
  app.add_option("--server-pid", load.server_pid, "default: whoever listens on the port, on this machine");
}

std::vector<Template> requests_for(const Options& options) {
  if (options.scenario == "websocket" && options.pool.batch == 1) return single_event_requests(options.pool);
  if (options.scenario == "batch" || options.scenario == "websocket") return batch_requests(options.pool, batch_templates);
  if (options.scenario == "predict") return predict_requests(options.pool);
  if (options.scenario == "get") return get_requests(options.pool);
  return single_event_requests(options.pool);
}

std::string path_for(const Options& options) {
  if (options.scenario == "single") return "/api/events";
  if (options.scenario == "batch") return "/api/events/batch";
  if (options.scenario == "predict") return "/api/predict";
  if (options.scenario == "websocket") return "/events/stream";
  if (options.scenario == "event_predict") return "/api/events?predict=true";
  return options.path;
}

// Sends some of the pool's requests one after the other; the first that is refused becomes the Problem.
Result<> send_some(const Options& options, RequestPool& pool, size_t requests) {
  HttpClient client(options.pool.origin, options.pool.key);
  for (size_t sent = 0; sent < requests; ++sent) {
    std::string wire;
    pool.append_next(wire);
    const auto reply = client.exchange(wire);
    if (!reply) return reply.problem();
    if (!reply->good())
      return Problem(Error::conflict, fmt::format("{} {}", reply->status, reply->body.substr(0, 300)));
  }
  return Done{};
}

// Predictions are asked about carts that the server knows: they are fed first.
Result<> feed_carts(const Options& options) {
  PoolWish wish = options.pool;
  wish.path = "/api/events/batch";
  const size_t requests = (events_per_cart * wish.carts + wish.batch - 1) / wish.batch;
  RequestPool pool(batch_requests(wish, requests), ~wish.run);
  return send_some(options, pool, requests);
}

void print(const Options& options, const LoadResult& result) {
  const auto text = options.json ? summary_json : summary;
  fmt::print("{}", text(options.scenario, options.load, result));
}

int run(Options& options) {
  const auto origin = parse_origin(options.url);
  if (!origin) return fail(origin.problem().text(), usage_status);
  options.pool.origin = options.load.origin = *origin;
  options.pool.path = path_for(options);
  options.pool.run = std::random_device()();
  if (options.load.server_pid == 0) options.load.server_pid = listener_on(origin->port).value_or(0);
  if (options.scenario == "predict")
    if (const auto fed = feed_carts(options); !fed) return fail("feeding carts: " + fed.problem().text());
  options.pool.websocket = options.scenario == "websocket";
  if (options.pool.websocket)
    options.load.upgrade = upgrade_request(*origin, options.pool.path, options.pool.key);
  RequestPool pool(requests_for(options), options.pool.run);
  if (const auto probe = options.pool.websocket ? Result<>(Done{}) : send_some(options, pool, 1); !probe)
    return fail(fmt::format("{} {}: not measured, the server refused the first request: {}", options.scenario,
                            options.pool.path, probe.problem().text()));
  const auto result = run_load(
      options.load, pool, [](const LoadSecond& second) { fmt::print(stderr, "{}", progress_line(second)); });
  if (!result) return fail(result.problem().text());
  print(options, *result);
  return result->tally.failures == 0 && result->tally.requests > 0 ? ok_status : failed_status;
}

}  // namespace

int bench_main(int argc, char** argv) {
  Options options;
  CLI::App app("", "headrace bench");
  describe(app, options);
  describe_load(app, options.load);
  CLI11_PARSE(app, argc, argv);
  return run(options);
}

}  // namespace headrace
