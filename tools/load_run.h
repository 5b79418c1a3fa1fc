// The engine of the load generator: many keep-alive connections on one epoll loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "src/base/result.h"
#include "tools/bench_payload.h"
#include "tools/histogram.h"
#include "tools/http_client.h"
#include "tools/http_reply.h"

namespace headrace {

struct LoadPlan {
  Origin origin;
  int connections = 64;
  int pipeline = 1;  // requests in flight on one connection
  double duration_s = 10;
  double warmup_s = 1;  // before it; sent, but not counted
  double rate = 0;      // requests per second for all connections together; 0: as fast as answers come
  std::string upgrade = {};  // what makes a connection a WebSocket; empty: it speaks HTTP
  int server_pid = 0;   // 0: processor time of the server is not known
};

struct LoadTally {
  Histogram latency_ns;
  uint64_t requests = 0;  // answered with success
  uint64_t events = 0;    // accepted in those
  uint64_t failures = 0;
  std::map<int, uint64_t> failures_by_status;  // 0: the connection broke
  std::string first_failure;                   // status and the beginning of the body
};

struct LoadResult {
  LoadTally tally;
  double seconds = 0;
  double server_cpu_s = -1;  // negative where it is not known
  double client_cpu_s = 0;
  uint64_t unsent = 0;  // open loop: due in time, but every connection was busy until the end
};

struct LoadSecond {
  int second = 0;
  double requests_per_s = 0;
  const LoadTally* tally = nullptr;  // of that second alone
};

// Runs the plan and reports every second. Latency counts from the moment a request was sent or, at a fixed
// rate, from the moment it was due, so that a server that stalls cannot hide the requests which waited (the
// "coordinated omission" of Gil Tene's talk "How NOT to Measure Latency").
Result<LoadResult> run_load(const LoadPlan& plan, RequestPool& pool,
                            const std::function<void(const LoadSecond&)>& every_second);

// Events that the server says it accepted: the "count" of a batch's answer, else `per_request`.
uint64_t events_accepted(const ReplyView& reply, uint64_t per_request);

}  // namespace headrace
