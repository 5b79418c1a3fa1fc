// Files of rows to be scored: leads and customers as CSV. System `predict`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codec/json.h"
#include "codec/utf8.h"
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/predictions/answer.h"
#include "routes/predictions/lead_and_churn.h"
#include "routes/predictions/row_file.h"
#include "routes/tables.h"
#include "src/base/random.h"
#include "src/net/form.h"
#include "src/runtime/offload.h"

namespace headrace {

// --- shapes ------------------------------------------------------------------------------------------------

template <class Output>
struct UploadedRow {
  int64_t row = 0;
  Output prediction;
  static constexpr auto shape() {
    return std::tuple{field("row", &UploadedRow::row, "Of the file, the header not counted; from 1"),
                      field("prediction", &UploadedRow::prediction, "As for one alone")};
  }
};

struct FailedRow {
  int64_t row = 0;
  std::string code, message;
  static constexpr auto shape() {
    return std::tuple{field("row", &FailedRow::row, "Of the file, the header not counted; from 1"),
                      field("code", &FailedRow::code, "As in errors"),
                      field("message", &FailedRow::message, "The column and the rule")};
  }
};

struct UploadSummary {
  int64_t total_rows = 0, processed_rows = 0, failed_rows = 0;
  double success_rate = 0, processing_time = 0;
  static constexpr auto shape() {
    return std::tuple{field("total_rows", &UploadSummary::total_rows, "Rows of the file"),
                      field("processed_rows", &UploadSummary::processed_rows, "Rows with a prediction"),
                      field("failed_rows", &UploadSummary::failed_rows, "Rows without"),
                      field("success_rate", &UploadSummary::success_rate, "Percent of the rows", between(0, 100)),
                      field("processing_time", &UploadSummary::processing_time, "Seconds")};
  }
};

template <class Output>
struct UploadAnswer {
  std::string message, file_id;
  std::vector<UploadedRow<Output>> results;
  std::vector<FailedRow> failed;
  UploadSummary summary;
  DataQuality data_quality;
  int64_t credits_consumed = 0;
  static constexpr auto shape() {
    return std::tuple{field("message", &UploadAnswer::message, "For people"),
                      field("results", &UploadAnswer::results, "The predictions, in the order of the file"),
                      field("failed", &UploadAnswer::failed, "Rows without a prediction, and why"),
                      field("summary", &UploadAnswer::summary, "How many of each"),
                      field("data_quality", &UploadAnswer::data_quality, "What the cells look like"),
                      field("credits_consumed", &UploadAnswer::credits_consumed, "One for each prediction; a failed row costs nothing"),
                      field("file_id", &UploadAnswer::file_id, "Of the event file.processed in the log; empty where the disk had no room for it")};
  }
};

// --- reading and scoring, on a worker ----------------------------------------------------------------------

template <class Kind>
struct ScoredRow {
  std::string id;  // what the caller calls it
  std::vector<float> values;
  typename Kind::Output output;
  Result<> verdict = Done{};
};

template <class Kind>
struct ScoredFile {
  std::vector<ScoredRow<Kind>> rows;
  DataQuality quality;
};

template <class Kind>
Result<ScoredFile<Kind>> score_file(std::shared_ptr<const Model> model, std::string text) {
  RowFile file(text, *type_of<typename Kind::Input>().shape);
  TRY_DONE(file.begin());
  ScoredFile<Kind> out;
  for (;;) {
    typename Kind::Input input;
    ScoredRow<Kind> row;
    Result<bool> found = file.next(&input, row.verdict);
    if (!found.ok()) return found.problem();
    if (!*found) break;
    if (out.rows.size() == limits::uploaded_rows_max)
      return Problem(Error::invalid_input, "file", fmt::format("may hold at most {} rows", limits::uploaded_rows_max));
    if (row.verdict.ok()) {
      Result<std::vector<float>> values = Kind::score(*model, input, row.output);
      if (values.ok())
        row.values = std::move(*values), row.id = Kind::id_of(input);
      else
        row.verdict = values.problem();
    }
    out.rows.push_back(std::move(row));
  }
  if (out.rows.empty()) return Problem(Error::invalid_input, "file", "holds no row below its header");
  out.quality = file.quality();
  return out;
}

// --- handlers ----------------------------------------------------------------------------------------------

namespace {

Result<std::string> uploaded_file(const Request& request) {
  std::string_view type = request.headers.known(Known::content_type);
  if (!is_form(type)) return Problem(Error::unsupported_media_type, "Content-Type", "must be multipart/form-data");
  auto parts = parse_form(type, request.body);
  if (!parts.ok()) return parts.problem();
  if (parts->size() != 1 || parts->front().name != "file")
    return Problem(Error::invalid_input, "file", "must be the one field of the form");
  if (!is_utf8(parts->front().content)) return Problem(Error::invalid_input, "file", "must be UTF-8");
  return std::string(parts->front().content);
}

template <class Kind>
int64_t rows_to_log(std::span<const ScoredRow<Kind>> rows) {
  return std::ranges::count_if(rows, [](auto& row) { return row.verdict.ok(); });
}

}  // namespace

// Logs what was scored, a piece in each turn of the loop; a row whose prediction cannot be logged has none.
template <class Kind>
Task<Result<>> log_rows(Call& call, const Model& model, std::vector<ScoredRow<Kind>>& rows) {
  Shard& shard = *call.here.shard;
  std::string_view payer = call.caller.account.view();
  CO_TRY_DONE(co_await cover(call.app, shard, payer, rows_to_log<Kind>(rows)));
  for (size_t at = 0; at < rows.size(); at += limits::uploaded_rows_at_once) {
    std::span<ScoredRow<Kind>> piece(rows.data() + at, std::min(limits::uploaded_rows_at_once, rows.size() - at));
    Result<> covered = co_await cover(call.app, shard, payer, rows_to_log<Kind>(piece));
    const Micros now = call.app.clock.wall();
    for (ScoredRow<Kind>& row : piece) {
      if (!row.verdict.ok()) continue;
      row.verdict = covered;
      if (!covered.ok()) continue;
      Prediction record{.tenant = call.caller.tenant.view(), .lead = row.id, .model = &model, .row = row.values, .as_of = now, .payer = payer};
      record.id = make_uuid(thread_random());
      record.probability = model.probability(row.values);
      row.verdict = log_prediction(shard, record, now);
      if (row.verdict.ok() && !payer.empty() && !record.logged) row.verdict = Error::storage_full;
    }
    co_await shard.make_durable();
  }
  co_return Done{};
}

// What became of a file, for who looks for its id later.
Result<Lsn> log_file(Call& call, std::string_view model, std::string_view file_id, const UploadSummary& summary) {
  Micros now = call.app.clock.wall();
  std::string id = call.caller.key_of(file_id);
  std::string data = fmt::format(R"({{"file_id":"{}","model":"{}","total_rows":{},"processed_rows":{},"failed_rows":{}}})", file_id, model,
                                 summary.total_rows, summary.processed_rows, summary.failed_rows);
  Event event{.id = id, .type = "file.processed", .source = own_source, .data = data, .time = now};
  return call.here.shard->record(event, now);
}

template <class Kind>
Task<Result<UploadAnswer<typename Kind::Output>>> score_upload(Call& call) {
  auto model = call.here.models->find(Kind::model);
  if (!model) co_return Error::model_not_found;
  Result<std::string> text = uploaded_file(call.request());
  if (!text.ok()) co_return text.problem();
  Result<ScoredFile<Kind>> scored = co_await offload(call.app.workers, &score_file<Kind>, model, std::move(*text));
  if (!scored.ok()) co_return scored.problem();
  CO_TRY_DONE(co_await log_rows<Kind>(call, *model, scored->rows));
  UploadAnswer<typename Kind::Output> out;
  for (size_t at = 0; at < scored->rows.size(); ++at) {
    auto& row = scored->rows[at];
    const auto number = static_cast<int64_t>(at + 1);
    if (row.verdict.ok())
      out.results.push_back({number, std::move(row.output)});
    else
      out.failed.push_back({number, std::string(row_of(row.verdict.problem().error).code), row.verdict.problem().text()});
  }
  auto& summary = out.summary;
  summary.total_rows = static_cast<int64_t>(scored->rows.size());
  summary.processed_rows = out.credits_consumed = static_cast<int64_t>(out.results.size());
  summary.failed_rows = static_cast<int64_t>(out.failed.size());
  summary.success_rate = std::round(1e4 * static_cast<double>(summary.processed_rows) / static_cast<double>(summary.total_rows)) / 100;
  out.data_quality = scored->quality;
  out.file_id = make_uuid(thread_random());
  if (!log_file(call, Kind::model, out.file_id, summary).ok()) out.file_id.clear();  // it would lead nowhere
  co_await call.here.shard->make_durable();
  out.message = summary.failed_rows == 0 ? "File processed successfully" : "File processed; some rows failed";
  summary.processing_time = static_cast<double>(call.app.clock.monotonic() - call.started) / second_us;
  co_return out;
}

namespace {

Task<Result<UploadAnswer<LeadPrediction>>> score_lead_file(Call& call) { return score_upload<LeadKind>(call); }
Task<Result<UploadAnswer<ChurnPrediction>>> predict_churn_file(Call& call) { return score_upload<ChurnKind>(call); }

constexpr Route uploads_table[] = {
    {Method::POST,
     "/api/upload/csv/lead-scoring",
     allow(Role::customer, Role::service).with(Scope::predictions_read),
     handler<score_lead_file>,
     {.summary = "Score leads from a CSV file", .body = "multipart/form-data", .counted = Counted::upload}},
    {Method::POST,
     "/api/upload/csv/churn-prediction",
     allow(Role::customer, Role::service).with(Scope::predictions_read),
     handler<predict_churn_file>,
     {.summary = "Predict churn of the customers of a CSV file", .body = "multipart/form-data", .counted = Counted::upload}},
};
static_assert(well_formed(uploads_table));

}  // namespace

RouteTable routes::uploads() { return {System::predict, uploads_table}; }

}  // namespace headrace
