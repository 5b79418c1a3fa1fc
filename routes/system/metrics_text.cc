// https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics specification, section 5.
#include "routes/system/metrics_text.h"

#include "codec/json.h"

namespace headrace {

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help,
                         std::string_view suffix) {
  name_ = name;
  suffix_ = suffix;
  // Prometheus names the family of a counter with its suffix, OpenMetrics without.
  std::string_view tail = format_ == MetricsFormat::prometheus ? suffix : std::string_view();
  fmt::format_to(std::back_inserter(text_), "# HELP {0}{1} {2}\n# TYPE {0}{1} {3}\n", name, tail, help, type);
}

void MetricsText::counter(std::string_view name, std::string_view help) {
  family(name, "counter", help, "_total");
}
void MetricsText::gauge(std::string_view name, std::string_view help) { family(name, "gauge", help, ""); }
void MetricsText::histogram(std::string_view name, std::string_view help) {
  family(name, "histogram", help, "");
}

void MetricsText::line(std::string_view suffix, std::string_view labels, double value) {
  text_.append(name_).append(suffix);
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_ += ' ';
  append_json_number(value, text_);
  text_ += '\n';
}

void MetricsText::sample(std::string_view labels, double value) { line(suffix_, labels, value); }

void MetricsText::sample(std::string_view labels, const DurationStats& durations) {
  uint64_t below = 0;
  std::string_view comma = labels.empty() ? "" : ",";
  for (size_t i = 0; i < DurationStats::bounds_us.size(); ++i) {
    below += durations.counts[i];
    double bound = static_cast<double>(DurationStats::bounds_us[i]) / second_us;
    line("_bucket", fmt::format("{}{}le=\"{}\"", labels, comma, bound), static_cast<double>(below));
  }
  line("_bucket", fmt::format("{}{}le=\"+Inf\"", labels, comma), static_cast<double>(durations.count));
  line("_sum", labels, static_cast<double>(durations.total_us) / second_us);
  line("_count", labels, static_cast<double>(durations.count));
}

std::string MetricsText::finish() && {
  if (format_ == MetricsFormat::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace headrace
