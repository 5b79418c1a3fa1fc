// The body of an error in the form that each documented system gives it.
#include <fmt/format.h>

#include "codec/json.h"
#include "codec/time_text.h"
#include "routes/kit/call.h"
#include "src/net/text.h"

namespace headrace {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

// `stream`, `learning` and `ofrep` know no 422: what breaks a rule is a bad request there.
int status_in(System system, const Problem& problem) {
  const ErrorRow& row = row_of(problem.error);
  bool bad_request = system == System::stream || system == System::learning || system == System::ofrep;
  if (bad_request && row.status == 422) return 400;
  if (!bad_request && problem.error == Error::missing_field) return 422;
  return row.status;
}

// Codes that a system has of its own.
struct OwnCode {
  System system;
  Error error;
  std::string_view code;
};
constexpr OwnCode own_codes[] = {
    {System::shop, Error::email_taken, "USER_001"},
    {System::shop, Error::username_taken, "USER_002"},
    {System::shop, Error::invalid_proof, "USER_003"},
    {System::shop, Error::user_not_found, "USER_004"},
    {System::ofrep, Error::malformed_json, "PARSE_ERROR"},
    {System::ofrep, Error::invalid_input, "INVALID_CONTEXT"},
    {System::learning, Error::authentication_required, "UNAUTHORIZED"},
    {System::learning, Error::invalid_credentials, "UNAUTHORIZED"},
    {System::learning, Error::insufficient_permissions, "FORBIDDEN"},
};

std::string_view code_in(System system, const Problem& problem) {
  for (auto& own : own_codes)
    if (own.system == system && own.error == problem.error) return own.code;
  // OpenFeature's own codes, and one for all else.
  if (system == System::ofrep && problem.error != Error::flag_not_found && problem.error != Error::targeting_key_missing)
    return "GENERAL";
  if (system != System::stream && problem.error == Error::missing_field)
    return row_of(Error::invalid_input).code;
  return row_of(problem.error).code;
}

// As `learning` words it.
std::string_view learning_message(int status) {
  switch (status) {
    case 403:
      return "Access denied";
    case 500:
      return "An unexpected error occurred";
    default:
      return {};
  }
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
    case 426:
      return "Upgrade required";
    case 431:
      return "Header fields too large";
    case 501:
      return "Not implemented";
    case 502:
      return "Bad gateway";
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

bool accepts_problem_json(std::string_view accept) {
  constexpr std::string_view wanted = "application/problem+json";
  bool found = false;
  for_each_token(accept, [&](std::string_view range) {
    std::string_view type = trimmed(range.substr(0, range.find(';')));
    bool refused = range.find("q=0") != range.npos && range.find_first_of("123456789", range.find("q=0")) == range.npos;
    found |= equal_any_case(type, wanted) && !refused;
  });
  return found;
}

int64_t retry_after_s(const Problem& problem) {
  const bool passes = problem.error == Error::overloaded || problem.error == Error::storage_full;
  return passes ? 1 : problem.retry_after_s;
}

ProblemReply format_problem(System system, const Problem& problem, std::string_view request_id, Micros wall,
                            bool problem_json, std::string_view subject) {
  int status = status_in(system, problem);
  // "Missing required field: x" already names its field.
  std::string text = quoted(problem.error == Error::missing_field ? problem.detail : problem.text());
  std::string code = quoted(code_in(system, problem));
  constexpr std::string_view json = "application/json";
  if (problem_json)
    return {status, "application/problem+json",
            fmt::format(
                R"({{"type":"about:blank","title":{},"status":{},"detail":{},"code":{},"details":{},"request_id":{}}})",
                quoted(title_of(status)), status, text, code, details_of(problem), quoted(request_id))};
  switch (system) {
    case System::stream:
      return {status, json, fmt::format(R"({{"error":{},"details":{}}})", quoted(title_of(status)), text)};
    case System::ofrep: {
      std::string key = subject.empty() ? "" : fmt::format(R"("key":{},)", quoted(subject));
      return {status, json, fmt::format(R"({{{}"errorCode":{},"errorDetails":{}}})", key, code, text)};
    }
    case System::learning: {
      std::string_view message = learning_message(status);
      std::string retry = problem.retry_after_s > 0 ? fmt::format(R"(,"retryAfter":{})", problem.retry_after_s) : "";
      return {status, json, fmt::format(R"({{"success":false,"error":{{"code":{},"message":{},"details":{}{}}}}})", code,
                                  quoted(message.empty() ? title_of(status) : message), text, retry)};
    }
    default: {
      std::string time;
      append_time(wall, true, time);
      return {status, json,
              fmt::format(
                  R"({{"error":{},"message":{},"code":{},"details":{},"timestamp":"{}","request_id":{}}})",
                  quoted(title_of(status)), text, code, details_of(problem), time, quoted(request_id))};
    }
  }
}

std::string_view name_of(System system) {
  constexpr std::string_view names[] = {"cart", "predict", "shop", "learning", "stream", "ofrep"};
  return names[static_cast<size_t>(system)];
}

}  // namespace headrace
