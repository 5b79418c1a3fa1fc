// Metrics as text: the Prometheus format 0.0.4 and OpenMetrics 1.0.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "src/events/shard.h"

namespace headrace {

enum class MetricsFormat : uint8_t { prometheus, openmetrics };

// Writes one family after the other; the samples of a family stand together, as both formats want it.
class MetricsText {
 public:
  explicit MetricsText(MetricsFormat format) : format_(format) {}

  // `name` without _total; a counter's samples get it.
  void counter(std::string_view name, std::string_view help);
  void gauge(std::string_view name, std::string_view help);
  void histogram(std::string_view name, std::string_view help);

  // A sample of the current family. `labels` is empty or "a=\"b\",c=\"d\"".
  void sample(std::string_view labels, double value);
  // Of a histogram in seconds.
  void sample(std::string_view labels, const DurationStats& durations);

  std::string finish() &&;

 private:
  void family(std::string_view name, std::string_view type, std::string_view help, std::string_view suffix);
  void line(std::string_view suffix, std::string_view labels, double value);

  MetricsFormat format_;
  std::string text_, name_;
  std::string_view suffix_;
};

}  // namespace headrace
