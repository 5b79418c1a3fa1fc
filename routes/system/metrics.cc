// GET /metrics: Prometheus text, OpenMetrics or the producer's JSON, by Accept.
#include "routes/system/metrics.h"

#include <algorithm>

#include "routes/system/metrics_text.h"
#include "src/base/log.h"
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
    {"headrace_websockets", "Open WebSockets", [](auto& c) { return number(c.sockets_open); }, true},
    {"headrace_websockets_opened", "Connections that became WebSockets",
     [](auto& c) { return number(c.sockets_opened); }},
    {"headrace_websocket_messages_received", "Messages of WebSockets",
     [](auto& c) { return number(c.socket_messages_in); }},
    {"headrace_websocket_messages_sent", "Answers and other messages to WebSockets",
     [](auto& c) { return number(c.socket_messages_out); }},
    {"headrace_websocket_messages_dropped", "Messages that slow readers of WebSockets did not get",
     [](auto& c) { return number(c.socket_messages_dropped); }},
    {"headrace_tls_handshakes", "TLS handshakes that ended well", [](auto& c) { return number(c.handshakes); }},
    {"headrace_tls_handshakes_resumed", "Those of clients that had a session",
     [](auto& c) { return number(c.handshakes_resumed); }},
    {"headrace_tls_handshakes_failed", "TLS handshakes that failed", [](auto& c) { return number(c.handshakes_failed); }},
    {"headrace_tls_handshakes_refused", "Connections closed because too many shook hands",
     [](auto& c) { return number(c.handshakes_refused); }},
    {"headrace_tls_handshakes_under_way", "TLS handshakes begun and not ended",
     [](auto& c) { return number(c.handshakes_under_way); }, true},
    {"headrace_tls_failures", "TLS connections with broken or unauthentic records",
     [](auto& c) { return number(c.tls_failures); }},
    {"headrace_tls_truncations", "TLS clients that left without close_notify",
     [](auto& c) { return number(c.tls_truncations); }},
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
    {"headrace_log_segments_sealed", "Segments no longer written to",
     [](auto& s) { return number(s.keeper.sealed); },
     true},
    {"headrace_log_segments_rewritten", "Of these, segments with frames and an index",
     [](auto& s) { return number(s.keeper.rewritten); }, true},
    {"headrace_log_rewrites", "Segments rewritten since the start", [](auto& s) { return number(s.keeper.rewrites); }},
    {"headrace_log_rewrite_failures", "Segments that could not be rewritten",
     [](auto& s) { return number(s.keeper.failures); }},
    {"headrace_log_rewrite_before_bytes", "Bytes of segments before they were rewritten",
     [](auto& s) { return number(s.keeper.bytes_before); }},
    {"headrace_log_rewrite_after_bytes", "Bytes of these segments afterwards",
     [](auto& s) { return number(s.keeper.bytes_after); }},
    {"headrace_log_records_dropped", "Records left out of rewritten segments",
     [](auto& s) { return number(s.keeper.records_dropped); }},
    {"headrace_retention_segments_dropped", "Segments that were too old, or too many",
     [](auto& s) { return number(s.keeper.retention.segments_dropped); }},
    {"headrace_retention_bytes_dropped", "Their bytes", [](auto& s) { return number(s.keeper.retention.bytes_dropped); }},
    {"headrace_retention_segments_thinned", "Segments rewritten without types that were too old",
     [](auto& s) { return number(s.keeper.retention.segments_thinned); }},
    {"headrace_retention_records_dropped", "Records left out of them",
     [](auto& s) { return number(s.keeper.retention.records_dropped); }},
    {"headrace_log_first_lsn", "The first record the log may hold; where retention has a rule",
     [](auto& s) { return number(s.keeper.retention.first_lsn); }, true},
    {"headrace_log_first_time_seconds", "Nothing in the log was taken in before; where retention has a rule",
     [](auto& s) { return seconds(s.keeper.retention.first_time_us); }, true},
    {"headrace_base_lsn", "The newest base holds the state as of this record; 0: there is none",
     [](auto& s) { return number(s.keeper.base_lsn); }, true},
    {"headrace_base_created_timestamp_seconds", "When the state was as the newest base has it; 0: there is none",
     [](auto& s) { return seconds(s.keeper.base_created); }, true},
    {"headrace_base_duration_seconds", "How long the last base took",
     [](auto& s) { return seconds(s.keeper.base_duration_us); }, true},
    {"headrace_bases", "Bases made since the start", [](auto& s) { return number(s.keeper.bases); }},
    {"headrace_base_failures", "Bases that were put off",
     [](auto& s) { return number(s.keeper.base_failures); }},
    {"headrace_log_holes", "Losses of the log that somebody accepted, as the scrub has seen them",
     [](auto& s) { return number(s.keeper.scrub.holes); }, true},
    {"headrace_scrub_bytes", "Bytes of sealed segments read again and checked",
     [](auto& s) { return number(s.keeper.scrub.bytes); }},
    {"headrace_scrub_passes", "Times all of them were", [](auto& s) { return number(s.keeper.scrub.passes); }},
    {"headrace_scrub_pass_begun_timestamp_seconds", "When the present pass began; 0: none has",
     [](auto& s) { return seconds(s.keeper.scrub.pass_begun); }, true},
    {"headrace_scrub_pass_ended_timestamp_seconds", "When the last whole pass ended; 0: none has",
     [](auto& s) { return seconds(s.keeper.scrub.pass_ended); }, true},
    {"headrace_scrub_state_values", "Values of the state read again and checked",
     [](auto& s) { return number(s.keeper.state_scrub.values); }},
    {"headrace_scrub_state_passes", "Times all of them were",
     [](auto& s) { return number(s.keeper.state_scrub.passes); }},
    {"headrace_scrub_damaged_states", "1 where the state has a damaged value",
     [](auto& s) { return number(s.keeper.state_scrub.damaged); }, true},
    {"headrace_scrub_damaged_segments", "Segments with records that cannot be read",
     [](auto& s) { return number(s.keeper.scrub.damaged[static_cast<size_t>(Damage::records)]); }, true},
    {"headrace_scrub_damaged_indexes", "Segments whose index is damaged",
     [](auto& s) { return number(s.keeper.scrub.damaged[static_cast<size_t>(Damage::index)]); }, true},
    {"headrace_scrub_damaged_holes", "Segments with a loss that nobody signed for",
     [](auto& s) { return number(s.keeper.scrub.damaged[static_cast<size_t>(Damage::hole)]); }, true},
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
    {"headrace_backfill_due", "1 while changed feature definitions are not served yet",
     [](auto& s) { return number(s.backfill.phase != BackfillProgress::Phase::served); }, true},
    {"headrace_backfill_done_lsn", "Folded by the coming definitions up to here",
     [](auto& s) { return number(s.backfill.done); }, true},
    {"headrace_backfill_total_lsn", "...of so many",
     [](auto& s) { return number(s.backfill.total); }, true},
    {"headrace_folds_sent", "Folds sent to other partitions",
     [](auto& s) { return number(s.stats.folds_sent); }},
    {"headrace_folds_received", "Folds taken from other partitions",
     [](auto& s) { return number(s.stats.folds_received); }},
    {"headrace_folds_repeated", "Folds that had been taken before",
     [](auto& s) { return number(s.stats.folds_repeated); }},
    {"headrace_ids", "Event ids known for deduplication", [](auto& s) { return number(s.stats.ids); }, true},
    {"headrace_id_index_bytes", "Memory of the index of event ids",
     [](auto& s) { return number(s.stats.id_index_bytes); }, true},
    {"headrace_id_window_lsn", "Event ids of earlier records are forgotten",
     [](auto& s) { return number(s.stats.id_window_lsn); }, true},
    {"headrace_id_window_shrinks", "Times event ids were forgotten for lack of memory",
     [](auto& s) { return number(s.stats.id_window_shrinks); }},
    {"headrace_predictions", "Cart predictions made",
     [](auto& s) { return number(s.predictions.predictions); }},
    {"headrace_predictions_unlogged", "Predictions answered without a record, while the disk was full",
     [](auto& s) { return number(s.stats.unrecorded); }},
    {"headrace_log_writable", "0 while writes are refused", [](auto& s) { return number(s.stats.writable); }, true},
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
using Durations = const DurationStats&;
constexpr ShardHistogram shard_histograms[] = {
    {"headrace_log_sync_seconds", "One group commit: write and fdatasync",
     [](const S& s) -> Durations { return s.stats.sync; }},
    {"headrace_checkpoint_seconds", "From the commit of a checkpoint to its slot being durable",
     [](const S& s) -> Durations { return s.stats.checkpoint; }},
    {"headrace_checkpoint_stall_seconds", "Time a loop was busy for a step of a checkpoint",
     [](const S& s) -> Durations { return s.stats.stall; }},
    {"headrace_scoring_seconds", "From the features of a cart to its logged prediction",
     [](const S& s) -> Durations { return s.predictions.duration; }},
};

template <class T>
void open_family(const Metric<T>& metric, MetricsText& text) {
  if (metric.gauge)
    text.gauge(metric.name, metric.help);
  else
    text.counter(metric.name, metric.help);
}

void write_certificates(const App& app, MetricsText& text) {
  auto has_certificate = [](const ListenerInfo& listener) { return listener.certificates != nullptr; };
  if (std::ranges::none_of(app.listeners, has_certificate)) return;
  text.gauge("headrace_tls_certificate_expiry_timestamp_seconds", "When the certificate of a listener expires");
  for (auto& listener : app.listeners)
    if (has_certificate(listener))
      text.sample(fmt::format("listener=\"{}\"", listener.url), seconds(listener.certificates->current()->expires()));
}

std::string metrics_page(const App& app, const Snapshot& all, MetricsFormat format) {
  MetricsText text(format);
  text.gauge("headrace_build_info", "The version that runs");
  text.sample(fmt::format("version=\"{}\"", version), 1);
  text.gauge("headrace_uptime_seconds", "Time since the start");
  text.sample("", seconds(app.clock.wall() - app.started_wall));
  const LogCounters log = log_counters();
  text.counter("headrace_stderr_lines", "Lines of the program's own log");
  text.sample("", number(log.lines));
  text.counter("headrace_stderr_lines_dropped", "Lines that a slow stderr had no room for");
  text.sample("", number(log.dropped));
  write_routes(app, all, text);
  for (auto& metric : http_metrics) {
    open_family(metric, text);
    text.sample("", metric.read(all.http));
  }
  text.gauge("headrace_http_connections_max", "Connections that the limit of open files has room for");
  text.sample("", number(app.connections_max));
  write_certificates(app, text);
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
