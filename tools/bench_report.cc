// What `headrace bench` prints.
#include "tools/bench_report.h"

#include <fmt/format.h>

#include <iterator>

namespace headrace {
namespace {

double milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

// 1234567 -> "1,234,567"
std::string grouped(double value) {
  const std::string digits = fmt::format("{:.0f}", value);
  std::string out;
  for (size_t at = 0; at < digits.size(); ++at) {
    if (at > 0 && (digits.size() - at) % 3 == 0) out += ',';
    out += digits[at];
  }
  return out;
}

// Too little processor time was used for a ratio that means anything: the kernel counts in steps of 10 ms.
bool server_cpu_known(const LoadResult& result) { return result.server_cpu_s >= 0.05; }

void add_throughput(const LoadResult& result, std::string& out) {
  const auto requests = static_cast<double>(result.tally.requests),
             events = static_cast<double>(result.tally.events);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "  requests/s            {:>12}\n", grouped(requests / result.seconds));
  if (result.tally.events > 0)
    fmt::format_to(to, "  events/s              {:>12}\n", grouped(events / result.seconds));
  if (!server_cpu_known(result)) {
    out +=
        "  server processor time is not known: give --server-pid (same machine, same user), or run longer\n";
    return;
  }
  fmt::format_to(to, "  requests/server-CPU-s {:>12}\n", grouped(requests / result.server_cpu_s));
  if (result.tally.events > 0)
    fmt::format_to(to, "  events/server-CPU-s   {:>12}\n", grouped(events / result.server_cpu_s));
  fmt::format_to(to, "  processor time        server {:.2f} s, client {:.2f} s in {:.2f} s\n",
                 result.server_cpu_s, result.client_cpu_s, result.seconds);
}

void add_latency(const Histogram& latency, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "  latency ms            p50 {:.3f}   p90 {:.3f}   p99 {:.3f}   p99.9 {:.3f}   max {:.3f}\n",
                 milliseconds(latency.at(0.5)), milliseconds(latency.at(0.9)), milliseconds(latency.at(0.99)),
                 milliseconds(latency.at(0.999)), milliseconds(latency.max()));
}

void add_failures(const LoadResult& result, std::string& out) {
  const auto to = std::back_inserter(out);
  for (const auto& [status, count] : result.tally.failures_by_status)
    fmt::format_to(to, "  failed: {} x {}\n", count,
                   status == 0 ? "connection broke" : fmt::format("status {}", status));
  if (!result.tally.first_failure.empty())
    fmt::format_to(to, "  first failure: {}\n", result.tally.first_failure);
  if (result.unsent > 0)
    fmt::format_to(to, "  {} requests were due but never sent: the server cannot keep this rate\n",
                   result.unsent);
}

std::string ratio_or_null(double count, const LoadResult& result) {
  return server_cpu_known(result) ? fmt::format("{:.1f}", count / result.server_cpu_s) : "null";
}

}  // namespace

std::string progress_line(const LoadSecond& second) {
  const LoadTally& tally = *second.tally;
  return fmt::format("{:>4} s {:>10} requests/s   p50 {:.2f} ms   p99 {:.2f} ms   failed {}\n", second.second,
                     grouped(second.requests_per_s), milliseconds(tally.latency_ns.at(0.5)),
                     milliseconds(tally.latency_ns.at(0.99)), tally.failures);
}

std::string summary(const std::string& scenario, const LoadPlan& plan, const LoadResult& result) {
  std::string out =
      fmt::format("{}: {} connections, pipeline {}, {}\n", scenario, plan.connections, plan.pipeline,
                  plan.rate > 0 ? fmt::format("{} requests/s offered", grouped(plan.rate)) : "closed loop");
  add_throughput(result, out);
  add_latency(result.tally.latency_ns, out);
  add_failures(result, out);
  return out;
}

std::string summary_json(const std::string& scenario, const LoadPlan& plan, const LoadResult& result) {
  const auto requests = static_cast<double>(result.tally.requests),
             events = static_cast<double>(result.tally.events);
  const Histogram& latency = result.tally.latency_ns;
  return fmt::format(
      R"({{"scenario":"{}","connections":{},"pipeline":{},"rate":{},"seconds":{:.3f},"requests":{},"events":{},)"
      R"("failures":{},"unsent":{},"requests_per_s":{:.1f},"events_per_s":{:.1f},"server_cpu_s":{},)"
      R"("client_cpu_s":{:.3f},"requests_per_server_cpu_s":{},"events_per_server_cpu_s":{},)"
      R"("latency_ms":{{"p50":{:.4f},"p90":{:.4f},"p99":{:.4f},"p99_9":{:.4f},"max":{:.4f},"mean":{:.4f}}}}})"
      "\n",
      scenario, plan.connections, plan.pipeline, plan.rate, result.seconds, result.tally.requests,
      result.tally.events, result.tally.failures, result.unsent, requests / result.seconds,
      events / result.seconds, result.server_cpu_s < 0 ? "null" : fmt::format("{:.2f}", result.server_cpu_s),
      result.client_cpu_s, ratio_or_null(requests, result), ratio_or_null(events, result),
      milliseconds(latency.at(0.5)), milliseconds(latency.at(0.9)), milliseconds(latency.at(0.99)),
      milliseconds(latency.at(0.999)), milliseconds(latency.max()), latency.mean() / 1e6);
}

}  // namespace headrace
