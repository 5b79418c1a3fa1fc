// The words for people, and the lines of the log.
#include "src/server/say.h"

#include <fmt/format.h>

#include <cstdio>

#include "src/base/log.h"

namespace headrace {

void show_new_key(const std::string& key) {
  fmt::print(stderr, "\nThe key of the administrator, shown this once (only its hash is kept):\n\n    {}\n\n",
             key);
}

void show_example(const std::string& url, const std::string& made) {
  std::string key = made.empty() ? "$HEADRACE_ADMIN_KEY" : made;
  constexpr std::string_view path_scheme = "unix:";
  std::string where = url.starts_with(path_scheme)
                          ? fmt::format("--unix-socket {} http://localhost", url.substr(path_scheme.size()))
                          : url;
  fmt::print(stderr,
             "try:  curl -sS {}/api/events -H \"X-API-Key: {}\" -H 'Content-Type: application/json' "
             "-d '{{\"event_type\":\"page_view\",\"data\":{{\"user_id\":\"u1\",\"cart_id\":\"c1\"}}}}'\n",
             where, key);
}

void log_recovery(const RecoveryReport& report, uint32_t partition) {
  log_line(Level::info, "partition_recovered",
           {{"partition", uint64_t{partition}},
            {"last_lsn", report.last_lsn},
            {"records_replayed", report.records_replayed},
            {"bytes_cut", report.bytes_cut},
            {"batches_rewritten", report.batches_rewritten},
            {"rows_refolded", report.rows_refolded},
            {"state_rebuilt", std::string_view(report.state_rebuilt)},
            {"duration_us", report.duration_us}});
}

void log_rewrite(const RewriteReport& report, uint32_t partition) {
  log_line(Level::info, "segment_rewritten",
           {{"partition", uint64_t{partition}},
            {"segment", uint64_t{report.segment}},
            {"records", report.records_kept},
            {"dropped", report.records_dropped},
            {"frames", report.frames},
            {"bytes_before", report.bytes_before},
            {"bytes_after", report.bytes_after}});
}

void log_base(const Checkpoint& base, uint32_t partition) {
  log_line(Level::info, "base_made",
           {{"partition", uint64_t{partition}}, {"lsn", base.applied_lsn}, {"bytes", base.data.bytes}});
}

}  // namespace headrace
