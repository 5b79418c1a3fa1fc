// GET /metrics: Prometheus text, OpenMetrics or the producer's JSON, by Accept.
#include "routes/system/metrics.h"

#include "routes/system/metrics_text.h"
#include "src/base/version.h"

namespace headrace {
namespace {

double seconds(Micros us) { return static_cast<double>(us) / second_us; }

struct ProducerMetrics {
  double record_send_rate = 0, record_error_rate = 0, request_latency_avg = 0;
  static constexpr auto shape() {
    return std::tuple{field("record_send_rate", &ProducerMetrics::record_send_rate,
                            "Events taken in per second since the start"),
                      field("record_error_rate", &ProducerMetrics::record_error_rate,
                            "Events refused per second since the start"),
                      field("request_latency_avg", &ProducerMetrics::request_latency_avg,
                            "Milliseconds from request to ack")};
  }
};

struct ProducerPage {
  ProducerMetrics producer_metrics;
  static constexpr auto shape() {
    return std::tuple{field("producer_metrics", &ProducerPage::producer_metrics, "Of the intake")};
  }
};

std::string producer_json(const App& app, const Snapshot& all) {
  double uptime = std::max(seconds(app.clock.wall() - app.started_wall), 1e-3), events = 0;
  for (auto& shard : all.shards) events += static_cast<double>(shard.stats.events);
  ProducerPage page;
  page.producer_metrics.record_send_rate = events / uptime;
  page.producer_metrics.record_error_rate = static_cast<double>(all.intake_refused) / uptime;
  if (all.intake.count)
    page.producer_metrics.request_latency_avg =
        static_cast<double>(all.intake.total_us) / static_cast<double>(all.intake.count) / 1000;
  return to_json(page);
}

void write_routes(const App& app, const Snapshot& all, MetricsText& text) {
  constexpr std::string_view classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  std::vector<std::string_view> names;
  for (auto& table : app.tables)
    for (auto& route : table.rows) names.push_back(route.handler.name);
  names.push_back("none");
  text.counter("headrace_http_requests", "Requests by operation and class of status");
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t c = 0; c < std::size(classes); ++c)
      if (uint64_t n = all.routes[i].by_class[c])
        text.sample(fmt::format("operation=\"{}\",status=\"{}\"", names[i], classes[c]),
                    static_cast<double>(n));
  text.histogram("headrace_http_request_duration_seconds", "From the parsed request to its answer");
  for (size_t i = 0; i < names.size(); ++i)
    if (all.routes[i].duration.count)
      text.sample(fmt::format("operation=\"{}\"", names[i]), all.routes[i].duration);
}

// One metric of HTTP or of partitions: name, help, and how it is read.
template <class T>
struct Metric {
  std::string_view name, help;
  double (*read)(const T&);
  bool gauge = false;
};

template <class T>
constexpr double number(T value) {
  return static_cast<double>(value);
}

constexpr Metric<HttpCounters> http_metrics[] = {
    {"headrace_http_connections", "Open connections", [](auto& c) { return number(c.connections_open); },
     true},
    {"headrace_http_connections_accepted", "Connections accepted",
     [](auto& c) { return number(c.connections_accepted); }},
    {"headrace_http_connections_refused", "Connections above the limit",
     [](auto& c) { return number(c.connections_refused); }},
    {"headrace_http_received_bytes", "Bytes received", [](auto& c) { return number(c.bytes_in); }},
    {"headrace_http_sent_bytes", "Bytes sent", [](auto& c) { return number(c.bytes_out); }},
    {"headrace_http_protocol_errors", "Requests refused before routing",
     [](auto& c) { return number(c.protocol_errors); }},
    {"headrace_http_timeouts", "Connections closed for taking too long",
     [](auto& c) { return number(c.timeouts); }},
    {"headrace_http_slow_readers", "Connections cut off while writing",
     [](auto& c) { return number(c.slow_readers); }},
};

using S = ShardSnapshot;
constexpr Metric<S> shard_metrics[] = {
    {"headrace_events", "Events taken in", [](auto& s) { return number(s.stats.events); }},
    {"headrace_events_duplicate", "Events whose id was seen before",
     [](auto& s) { return number(s.stats.duplicates); }},
    {"headrace_log_applied_lsn", "Last record applied", [](auto& s) { return number(s.stats.applied_lsn); },
     true},
    {"headrace_log_durable_lsn", "Last record on disk", [](auto& s) { return number(s.stats.durable_lsn); },
     true},
    {"headrace_log_records", "Records written", [](auto& s) { return number(s.stats.partition.records); }},
    {"headrace_log_batches", "Group commits", [](auto& s) { return number(s.stats.partition.batches); }},
    {"headrace_log_raw_bytes", "Bytes of batches before compression",
     [](auto& s) { return number(s.stats.partition.bytes_raw); }},
    {"headrace_log_written_bytes", "Bytes of batches written",
     [](auto& s) { return number(s.stats.partition.bytes_written); }},
    {"headrace_log_segments", "Segments opened", [](auto& s) { return number(s.stats.partition.segments); }},
    {"headrace_checkpoints", "Checkpoints made",
     [](auto& s) { return number(s.stats.partition.checkpoints); }},
    {"headrace_rows_written_behind", "Rows written to the state",
     [](auto& s) { return number(s.stats.partition.rows_written_behind); }},
    {"headrace_feature_rows", "Feature rows in memory", [](auto& s) { return number(s.stats.rows); }, true},
    {"headrace_feature_rows_dirty", "Feature rows not yet written behind",
     [](auto& s) { return number(s.stats.rows_dirty); }, true},
    {"headrace_feature_row_bytes", "Memory of feature rows",
     [](auto& s) { return number(s.stats.row_bytes); }, true},
    {"headrace_feature_row_loads", "Feature rows loaded from the state",
     [](auto& s) { return number(s.stats.row_loads); }},
    {"headrace_folds_sent", "Folds sent to other partitions",
     [](auto& s) { return number(s.stats.folds_sent); }},
    {"headrace_folds_received", "Folds taken from other partitions",
     [](auto& s) { return number(s.stats.folds_received); }},
    {"headrace_folds_repeated", "Folds that had been taken before",
     [](auto& s) { return number(s.stats.folds_repeated); }},
    {"headrace_ids", "Event ids known for deduplication", [](auto& s) { return number(s.stats.ids); }, true},
    {"headrace_id_index_bytes", "Memory of the index of event ids",
     [](auto& s) { return number(s.stats.id_index_bytes); }, true},
    {"headrace_predictions", "Cart predictions made",
     [](auto& s) { return number(s.predictions.predictions); }},
    {"headrace_predictions_at_risk", "Cart predictions above the decision threshold",
     [](auto& s) { return number(s.predictions.at_risk); }},
    {"headrace_prediction_cache_hits", "Cart predictions answered from the cache",
     [](auto& s) { return number(s.predictions.cache_hits); }},
    {"headrace_prediction_cache_misses", "Cart predictions the cache did not have",
     [](auto& s) { return number(s.predictions.cache_misses); }},
};

struct ShardHistogram {
  std::string_view name, help;
  const DurationStats& (*read)(const S&);
};
constexpr ShardHistogram shard_histograms[] = {{"headrace_log_sync_seconds",
                                                "One group commit: write and fdatasync",
                                                [](const S& s) -> auto& {return s.stats.sync;
}  // namespace
}  // namespace headrace
, {"headrace_checkpoint_seconds", "From the commit of a checkpoint to its slot being durable",
   [](const S& s) -> auto& {return s.stats.checkpoint;
}
}
, {"headrace_checkpoint_stall_seconds", "Time a loop was busy for a step of a checkpoint",
   [](const S& s) -> auto& {return s.stats.stall;
}
}
, {"headrace_scoring_seconds", "From the features of a cart to its logged prediction",
   [](const S& s) -> auto& {return s.predictions.duration;
}
}
,
}
;

template <class T>
void open_family(const Metric<T>& metric, MetricsText& text) {
  if (metric.gauge)
    text.gauge(metric.name, metric.help);
  else
    text.counter(metric.name, metric.help);
}

std::string metrics_page(const App& app, const Snapshot& all, MetricsFormat format) {
  MetricsText text(format);
  text.gauge("headrace_build_info", "The version that runs");
  text.sample(fmt::format("version=\"{}\"", version), 1);
  text.gauge("headrace_uptime_seconds", "Time since the start");
  text.sample("", seconds(app.clock.wall() - app.started_wall));
  write_routes(app, all, text);
  for (auto& metric : http_metrics) {
    open_family(metric, text);
    text.sample("", metric.read(all.http));
  }
  text.counter("headrace_events_refused", "Events or batches that broke a rule");
  text.sample("", number(all.intake_refused));
  text.histogram("headrace_intake_seconds", "From a request with events to its ack");
  text.sample("", all.intake);
  for (auto& metric : shard_metrics) {
    open_family(metric, text);
    for (auto& shard : all.shards)
      text.sample(fmt::format("partition=\"{}\"", shard.partition), metric.read(shard));
  }
  for (auto& metric : shard_histograms) {
    text.histogram(metric.name, metric.help);
    for (auto& shard : all.shards)
      text.sample(fmt::format("partition=\"{}\"", shard.partition), metric.read(shard));
  }
  return std::move(text).finish();
}

bool accepts(std::string_view accept, std::string_view type) { return accept.find(type) != accept.npos; }

}  // namespace

Task<Result<Page>> metrics(Call& call) {
  std::string accept(call.request().headers.known(Known::accept));
  Result<Snapshot> all = co_await take_snapshot(call.app);
  if (!all.ok()) co_return all.problem();
  if (accepts(accept, "application/json")) co_return Page{producer_json(call.app, *all)};
  if (accepts(accept, "application/openmetrics-text"))
    co_return Page{metrics_page(call.app, *all, MetricsFormat::openmetrics),
                   "application/openmetrics-text; version=1.0.0; charset=utf-8"};
  co_return Page{metrics_page(call.app, *all, MetricsFormat::prometheus),
                 "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace headrace
