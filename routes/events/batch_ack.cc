// Verdicts as JSON.
#include "routes/events/batch_ack.h"

#include <fmt/format.h>

#include <iterator>

#include "codec/scoped_key.h"

namespace headrace {
namespace {

void append_number(uint64_t number, std::string& out) {
  fmt::format_int text(number);
  out.append(text.data(), text.size());
}

void append_rejection(const Problem& problem, size_t index, std::string& out) {
  out += R"("status":"rejected","index":)";
  append_number(index, out);
  out += R"(,"field":)";
  append_json_string(problem.field, out);
  out += ",\"reason\":";
  append_json_string(
      problem.detail.empty() ? row_of(problem.error).sentence : std::string_view(problem.detail), out);
  out += '}';
}

}  // namespace

std::string write_ack(EventBatch& batch, const IngestedBatch& done, std::string_view tenant, std::string_view id) {
  std::string out;
  out.reserve(64 + done.verdicts.size() * 96);
  out += '{';
  if (!id.empty()) out.append("\"id\":").append(id).append(",");
  fmt::format_to(std::back_inserter(out), R"("status":"{}","count":{},"results":[)",
                 done.problems.empty() ? "success" : "partial", done.accepted);
  for (size_t i = 0; i < done.verdicts.size(); ++i) {
    const Verdict& verdict = done.verdicts[i];
    std::string_view event_id = batch.entries()[i].event.id;
    if (!tenant.empty()) event_id = key_in(event_id);
    out += i ? ",{" : "{";
    if (!event_id.empty()) {
      out += "\"event_id\":";
      append_json_string(event_id, out);
      out += ',';
    }
    if (verdict.problem >= 0) {
      append_rejection(done.problems[static_cast<size_t>(verdict.problem)], i, out);
      continue;
    }
    out += verdict.appended.duplicate ? R"("status":"duplicate","partition":)"
                                      : R"("status":"submitted","partition":)";
    append_number(verdict.appended.partition, out);
    out += R"(,"offset":)";
    append_number(verdict.appended.lsn, out);
    out += '}';
  }
  out += "]}";
  return out;
}

}  // namespace headrace
