// The body of an error in the form that each documented system gives it.
#include <fmt/format.h>

#include "codec/json.h"
#include "codec/time_text.h"
#include "routes/kit/call.h"

namespace headrace {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

// `stream` knows 400, 500 and 503 only: what breaks a rule is a bad request there.
int status_in(System system, const Problem& problem) {
  const ErrorRow& row = row_of(problem.error);
  if (system == System::stream && row.status == 422) return 400;
  if (system != System::stream && problem.error == Error::missing_field) return 422;
  return row.status;
}

std::string_view code_in(System system, const Problem& problem) {
  if (system != System::stream && problem.error == Error::missing_field)
    return row_of(Error::invalid_input).code;
  return row_of(problem.error).code;
}

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Invalid request";
    case 401:
      return "Authentication required";
    case 402:
      return "Payment required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 406:
      return "Not acceptable";
    case 408:
      return "Request timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload too large";
    case 414:
      return "URI too long";
    case 415:
      return "Unsupported media type";
    case 422:
      return "Validation failed";
    case 429:
      return "Too many requests";
    case 431:
      return "Header fields too large";
    case 501:
      return "Not implemented";
    case 503:
      return "Service unavailable";
    case 505:
      return "HTTP version not supported";
    case 507:
      return "Insufficient storage";
    default:
      return "Internal server error";
  }
}

// The field and rule for machines: {"field": ..., "rule": ...}, or {}.
std::string details_of(const Problem& problem) {
  if (problem.field.empty()) return "{}";
  return fmt::format(
      R"({{"field":{},"rule":{}}})", quoted(problem.field),
      quoted(problem.detail.empty() ? row_of(problem.error).sentence : std::string_view(problem.detail)));
}

}  // namespace

ProblemReply format_problem(System system, const Problem& problem, std::string_view request_id, Micros wall) {
  int status = status_in(system, problem);
  // "Missing required field: x" already names its field.
  std::string text = quoted(problem.error == Error::missing_field ? problem.detail : problem.text());
  std::string code = quoted(code_in(system, problem));
  switch (system) {
    case System::stream:
      return {status, fmt::format(R"({{"error":{},"details":{}}})", quoted(title_of(status)), text)};
    case System::learning:
      return {status, fmt::format(R"({{"success":false,"error":{{"code":{},"message":{},"details":{}}}}})",
                                  code, text, details_of(problem))};
    default: {
      std::string time;
      append_time(wall, true, time);
      return {status,
              fmt::format(
                  R"({{"error":{},"message":{},"code":{},"details":{},"timestamp":"{}","request_id":{}}})",
                  quoted(title_of(status)), text, code, details_of(problem), time, quoted(request_id))};
    }
  }
}

std::string_view name_of(System system) {
  constexpr std::string_view names[] = {"cart", "predict", "shop", "learning", "stream"};
  return names[static_cast<size_t>(system)];
}

std::string_view name_of(Role role) {
  constexpr std::string_view names[] = {"anyone", "service", "admin"};
  return names[static_cast<size_t>(role)];
}

}  // namespace headrace
