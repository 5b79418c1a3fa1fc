// `headrace log import`: NDJSON into a running server. Its intake validates, deduplicates, folds and acknowledges, and
// there is no second way in that would have to do the same; so a file may be sent again after any interruption.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

#include "codec/json.h"
#include "tools/commands.h"
#include "tools/http_client.h"
#include "tools/log_lines.h"

namespace headrace {
namespace {

constexpr size_t batch_events = 1'000, batch_bytes = 4 * 1024 * 1024;
constexpr int tries_max = 120;  // of a batch that the server has no room for
constexpr auto pause_before_retry = std::chrono::milliseconds(500);

// What is read of the answer to one event.
struct Verdict {
  std::string status;
  std::optional<std::string> event_id, field_name, reason;
  std::optional<int64_t> partition, offset, index;
  static constexpr auto shape() {
    return std::tuple{field("status", &Verdict::status, ""),       field("event_id", &Verdict::event_id, ""),
                      field("field", &Verdict::field_name, ""),    field("reason", &Verdict::reason, ""),
                      field("partition", &Verdict::partition, ""), field("offset", &Verdict::offset, ""),
                      field("index", &Verdict::index, "")};
  }
};
struct Answer {
  std::string status;
  int64_t count = 0;
  std::vector<Verdict> results;
  static constexpr auto shape() {
    return std::tuple{field("status", &Answer::status, ""), field("count", &Answer::count, ""),
                      field("results", &Answer::results, "")};
  }
};

bool has_no_room(int status) { return status == 503 || status == 507 || status == 429; }

class Import {
 public:
  Import(HttpClient& client, const std::string& tenant) : client_(client) {
    if (tenant.empty()) return;
    tenant_ = tenant_member;
    append_json_string(tenant, tenant_);
    tenant_ += ',';
  }

  Result<> run(std::istream& in) {
    for (std::string line; std::getline(in, line); ++line_) {
      if (line.empty()) continue;
      if (!is_ours(line)) {
        ++others_;
        continue;
      }
      lines_.push_back(line_);
      body_.append(line).append("\n");
      if (lines_.size() == batch_events || body_.size() >= batch_bytes) TRY_DONE(send());
    }
    if (in.bad()) return Problem{Error::storage_io, "input", "cannot be read"};
    if (!lines_.empty()) TRY_DONE(send());
    fmt::print("{} events: {} new, {} already there, {} rejected\n", new_ + known_ + rejected_, new_, known_,
               rejected_);
    if (others_ > 0)
      fmt::print(stderr, "{} events of other tenants were left out: each tenant's need a key of it, and --tenant\n", others_);
    return Done{};
  }
  bool clean() const { return rejected_ == 0; }

 private:
  // As append_event_line() writes it.
  bool is_ours(std::string_view line) const {
    line.remove_prefix(std::min<size_t>(1, line.size()));
    return tenant_.empty() ? !line.starts_with(tenant_member) : line.starts_with(tenant_);
  }

  Result<> send() {
    for (int left = tries_max;; --left) {
      auto reply = client_.post("/api/events/batch", body_, "application/x-ndjson");
      if (!reply.ok()) return reply.problem();
      if (reply->good()) return count(reply->body);
      if (!has_no_room(reply->status) || left == 0)
        return Problem{Error::conflict, fmt::format("line {}", lines_.front()),
                       fmt::format("the server answered {}: {}", reply->status, reply->body.substr(0, 300))};
      std::this_thread::sleep_for(pause_before_retry);
    }
  }

  Result<> count(std::string_view body) {
    auto answer = from_json<Answer>(body);
    if (!answer.ok()) return answer.problem();
    for (size_t i = 0; i < answer->results.size(); ++i) {
      const Verdict& verdict = answer->results[i];
      new_ += verdict.status == "submitted";
      known_ += verdict.status == "duplicate";
      if (verdict.status != "rejected") continue;
      ++rejected_;
      fmt::print(stderr, "line {}: {} {}\n", i < lines_.size() ? lines_[i] : 0,
                 verdict.field_name.value_or(""), verdict.reason.value_or(""));
    }
    lines_.clear();
    body_.clear();
    return Done{};
  }

  HttpClient& client_;
  std::string tenant_;  // how its lines begin; empty: the platform's
  std::string body_;
  std::vector<size_t> lines_;  // of the input, that make up `body_`
  size_t line_ = 1;
  uint64_t new_ = 0, known_ = 0, rejected_ = 0, others_ = 0;
};

Result<bool> import_all(const ImportOptions& options) {
  auto origin = parse_origin(options.url);
  if (!origin.ok()) return origin.problem();
  HttpClient client(*origin, options.key);
  Import import(client, options.tenant);
  std::ifstream file;
  if (options.file != "-") file.open(options.file);
  if (options.file != "-" && !file) return Problem{Error::storage_io, options.file, "cannot be opened"};
  TRY_DONE(import.run(options.file == "-" ? std::cin : file));
  return import.clean();
}

}  // namespace

int log_import(const ImportOptions& options) {
  auto clean = import_all(options);
  return clean.ok() ? (*clean ? 0 : 1) : exit_status(clean.problem());
}

}  // namespace headrace
