// `headrace log cat`: every record as a line of JSON, an event whole under "event".
#include <fmt/format.h>

#include <cstdio>

#include "codec/event.h"
#include "codec/json.h"
#include "codec/time_text.h"
#include "storage/directory.h"
#include "storage/log_reader.h"
#include "tools/commands.h"

namespace headrace {
namespace {

void append_member(std::string_view name, std::string_view text, std::string& out) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(text, out);
}

void append_time_member(std::string_view name, Micros time, std::string& out) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":\"", name);
  append_time(time, true, out);
  out += '"';
}

Result<> append_event(std::string_view payload, std::string& out) {
  auto event = decode_event(payload);
  if (!event.ok()) return event.problem();
  out += ",\"event\":{\"event_id\":";
  append_json_string(event->id, out);
  append_member("event_type", event->type, out);
  append_time_member("timestamp", event->time, out);
  append_member("source", event->source, out);
  append_member("user_id", event->user, out);
  append_member("session_id", event->session, out);
  append_member("cart_id", event->cart, out);
  out.append(",\"data\":").append(event->data).append("}");
  return Done{};
}

Result<> print_record(uint32_t partition, const RecordView& record, std::string& line) {
  line = fmt::format("{{\"partition\":{},\"lsn\":{}", partition, record.lsn);
  append_time_member("time", record.time, line);
  append_member("kind", name_of(record.kind), line);
  append_member("key", record.key, line);
  if (record.kind == Kind::event) {
    TRY_DONE(append_event(record.payload, line));
  } else {
    line += fmt::format(",\"payload_bytes\":{}", record.payload.size());
  }
  line += "}\n";
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size())
    return Problem{Error::storage_io, "stdout", "cannot be written"};
  return Done{};
}

Result<> cat_partition(const DataDirectory& directory, uint32_t partition, uint64_t from) {
  auto reader = LogReader::open(directory.place(partition), from);
  if (!reader.ok()) return reader.problem();
  RecordView record;
  std::string line;
  while (true) {
    Result<bool> more = reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more) return Done{};
    TRY_DONE(print_record(partition, record, line));
  }
}

Result<> cat_all(const std::string& data, uint64_t from, std::optional<uint32_t> partition) {
  DirectoryOptions options;
  options.access = Access::read_only;
  auto directory = DataDirectory::open(data, options);
  if (!directory.ok()) return directory.problem();
  if (partition && *partition >= (*directory)->partitions())
    return Problem{Error::invalid_input, "partition",
                   fmt::format("must be below {}", (*directory)->partitions())};
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p) {
    if (partition && p != *partition) continue;
    TRY_DONE(cat_partition(**directory, p, from));
  }
  return Done{};
}

}  // namespace

int log_cat(const std::string& data, uint64_t from, std::optional<uint32_t> partition) {
  Result<> done = cat_all(data, from, partition);
  if (done.ok()) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "headrace: {}\n", done.problem().text());
  return 1;
}

}  // namespace headrace
