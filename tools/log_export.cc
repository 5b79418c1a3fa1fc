// `headrace log export`: events as NDJSON, which `log import` takes, or as CSV.
#include <fmt/format.h>

#include "codec/time_text.h"
#include "src/events/event_fold.h"
#include "storage/log_reader.h"
#include "tools/commands.h"
#include "tools/log_lines.h"

namespace headrace {
namespace {

constexpr size_t print_bytes = 256 * 1024;

Result<std::optional<Micros>> time_of(std::string_view name, const std::string& text) {
  if (text.empty()) return std::optional<Micros>();
  auto time = parse_time(text);
  if (!time)
    return Problem{Error::invalid_input, std::string(name), "must be a time such as 2025-09-30T12:00:00Z"};
  return time;
}

Result<EventFilter> filter_of(const ExportOptions& options) {
  EventFilter filter;
  filter.type = options.type, filter.user = scoped(options.tenant, options.user), filter.tenant = options.tenant;
  auto start = time_of("from", options.from), end = time_of("to", options.to);
  if (!start.ok()) return start.problem();
  if (!end.ok()) return end.problem();
  filter.start = *start, filter.end = *end;
  return filter;
}

// The server's own events are history, not what a producer sent: `log cat` has them.
Result<> export_partition(const PartitionPlace& place, const EventFilter& filter, bool csv) {
  auto reader = LogReader::open(place, 1, LogReader::unbounded, filter);
  if (!reader.ok()) return reader.problem();
  RecordView record;
  std::string out;
  while (true) {
    Result<bool> more = reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more) return print(out);
    if (record.kind != Kind::event) continue;
    auto event = decode_event(record.payload);
    if (!event.ok()) return event.problem();
    if (event->source == own_source || !filter.matches(*event)) continue;
    csv ? append_event_cells(*event, record.time, out) : append_event_line(*event, out);
    if (out.size() < print_bytes) continue;
    TRY_DONE(print(out));
    out.clear();
  }
}

Result<> export_all(const std::string& data, const ExportOptions& options) {
  bool csv = options.format == "csv";
  if (!csv && options.format != "ndjson")
    return Problem{Error::invalid_input, "format", "must be ndjson or csv"};
  auto filter = filter_of(options);
  if (!filter.ok()) return filter.problem();
  auto directory = open_to_read(data, {});
  if (!directory.ok()) return directory.problem();
  if (csv) TRY_DONE(print(csv_columns));
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p)
    TRY_DONE(export_partition((*directory)->place(p), *filter, csv));
  return Done{};
}

}  // namespace

int log_export(const std::string& data, const ExportOptions& options) {
  return exit_status(export_all(data, options));
}

}  // namespace headrace
