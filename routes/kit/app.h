// App: the crafts of one process, as routes see them; and LoopContext: what of it belongs to one loop.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/content_coding.h"
#include "routes/kit/access_log.h"
#include "routes/kit/route.h"
#include "src/base/time.h"
#include "src/events/backfill.h"
#include "src/events/erasure.h"
#include "src/events/event_batches.h"
#include "src/events/shards.h"
#include "src/identity/credits.h"
#include "src/identity/identity.h"
#include "src/net/listener.h"
#include "src/net/tls_context.h"
#include "src/predictions/predictions.h"
#include "src/runtime/gate.h"
#include "src/runtime/loop.h"
#include "src/runtime/offload.h"
#include "src/scoring/model_set.h"
#include "src/settings/settings.h"
#include "storage/segment_keeper.h"

namespace headrace {

// The model behind cart predictions.
inline constexpr std::string_view cart_model_name = "cart_abandonment";

// What the server listens on, by Request::listener.
struct ListenerInfo {
  std::string service;  // the name it goes by
  std::string url;
  std::shared_ptr<TlsSource> certificates;  // nullptr: no TLS
};

// What one route did on one loop.
struct RouteStats {
  std::array<uint64_t, 6> by_class{};  // by first digit of the status
  DurationStats duration;

  RouteStats& operator+=(const RouteStats& other);
};

// Lives on: its loop. Others read it through ask().
struct LoopContext {
  LoopContext(Loop& its_loop, const AccessRules& logged) : loop(its_loop), access(its_loop, logged) {}

  Loop& loop;
  AccessLog access;
  Shard* shard = nullptr;          // the first of the shards that live here; every loop owns one at least
  Credentials* credentials = nullptr;  // who calls
  SharedSettings settings;             // in force; never nullptr once the loops run
  std::shared_ptr<const ModelSet> models;  // never nullptr
  EventBatches batches;            // scratch of the intake
  std::string headers, body, coded;  // scratch of answers
  std::string accepts;             // the Accept-Encoding seen last, and what it likes best
  Coding accepted = Coding::identity;
  std::vector<RouteStats> routes;  // by route index, and one more for what matched none
  std::vector<const HttpCounters*> http;  // of its listeners
  HttpCounters http_before;     // of listeners that are gone
  uint64_t intake_refused = 0;  // events that broke a rule
  DurationStats intake;         // from request to ack
  Gate followers;               // of the log, for clients
};

// A part of the server that can be made anew while it serves.
struct Component {
  std::string_view name;
  std::function<Task<Result<>>()> restart;
};

struct App {
  Shards& shards;
  const SegmentKeeper& keeper;
  Backfill& backfill;
  Erasures& erasures;
  std::vector<std::unique_ptr<Predictions>> predictions;  // by partition
  Identity& identity;
  Offload& workers;
  Clock& clock;
  std::span<const RouteTable> tables;
  std::vector<std::unique_ptr<LoopContext>> loops = {};
  Micros started_wall = 0;
  std::string run = make_uuid(thread_random());  // of the program
  std::vector<ListenerInfo> listeners = {};
  size_t connections_max = 0;  // of the process
  std::string data = {}, environment = {};  // directory; as configured
  std::string cors_origins = {};  // whose pages may read answers
  std::string origins = {};  // whose pages may open sockets here, besides our own
  std::unique_ptr<Settings> settings = {};
  std::unique_ptr<Credits> credits = {};
  mutable RateLimiter rates{limits::rate_limit_slots};
  std::vector<Component> components = {};
  bool open_access = false;  // no credential needed (loopback only)
  std::atomic<bool> draining = false;
  std::vector<features::Definition> definitions = {};  // of the program and its configuration
  std::string openapi = {};  // the document, made at start
};

}  // namespace headrace
