// THE table of errors: one row per error the program can answer or report, with code, status and sentence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

// clang-format off
// row(name, code sent to clients, HTTP status, sentence)
#define HEADRACE_ERRORS(row) \
  row(invalid_input,           "INVALID_INPUT",            422, "The request is well formed but breaks a rule") \
  row(malformed_json,          "MALFORMED_JSON",           400, "The body is not valid JSON") \
  row(malformed_request,       "MALFORMED_REQUEST",        400, "The request is malformed") \
  row(missing_field,           "MISSING_FIELD",            400, "A required field is missing") \
  row(authentication_required, "AUTHENTICATION_REQUIRED",  401, "A valid API key or token is required") \
  row(invalid_credentials,     "AUTHENTICATION_REQUIRED",  401, "The user name or the password is not right") \
  row(insufficient_permissions,"INSUFFICIENT_PERMISSIONS", 403, "The credential does not permit this") \
  row(not_found,               "NOT_FOUND",                404, "There is nothing at this path") \
  row(method_not_allowed,      "METHOD_NOT_ALLOWED",       405, "This path does not know this method") \
  row(not_acceptable,          "NOT_ACCEPTABLE",           406, "No representation matches Accept") \
  row(request_timeout,         "REQUEST_TIMEOUT",          408, "The request took too long to arrive") \
  row(conflict,                "CONFLICT",                 409, "The request conflicts with the current state") \
  row(body_too_large,          "BODY_TOO_LARGE",           413, "The body is larger than this route accepts") \
  row(uri_too_long,            "URI_TOO_LONG",             414, "The request target is too long") \
  row(unsupported_media_type,  "UNSUPPORTED_MEDIA_TYPE",   415, "The content type or coding is not supported") \
  row(expectation_failed,      "EXPECTATION_FAILED",       417, "Only Expect: 100-continue is known") \
  row(rate_limit_exceeded,     "RATE_LIMIT_EXCEEDED",      429, "Too many requests") \
  row(upgrade_required,        "UPGRADE_REQUIRED",         426, "This path speaks WebSocket, version 13") \
  row(origin_not_allowed,      "ORIGIN_NOT_ALLOWED",       403, "Pages of this origin may not connect here") \
  row(headers_too_large,       "HEADERS_TOO_LARGE",        431, "The header fields are too large") \
  row(insufficient_credits,    "INSUFFICIENT_CREDITS",     402, "Not enough credits") \
  row(idempotency_key_reused,  "IDEMPOTENCY_KEY_REUSED",   422, "This Idempotency-Key belongs to another request") \
  row(email_taken,             "EMAIL_TAKEN",              409, "Email already exists") \
  row(username_taken,          "USERNAME_TAKEN",           409, "Username already exists") \
  row(invalid_proof,           "INVALID_TOKEN",            400, "The token is not valid, was used or has expired") \
  row(user_not_found,          "USER_NOT_FOUND",           404, "There is no such user") \
  row(store_not_found,         "STORE_NOT_FOUND",          404, "There is no such store") \
  row(flag_not_found,          "FLAG_NOT_FOUND",           404, "There is no such flag") \
  row(targeting_key_missing,   "TARGETING_KEY_MISSING",    400, "The context has no targetingKey") \
  row(model_not_found,         "MODEL_NOT_FOUND",          404, "There is no such model") \
  row(features_not_found,      "FEATURES_NOT_FOUND",       404, "Nothing is known about this entity yet") \
  row(internal_error,          "INTERNAL_ERROR",           500, "Internal server error") \
  row(not_supported,           "NOT_SUPPORTED",            501, "This transfer coding or method is not supported") \
  row(overloaded,              "SERVICE_UNAVAILABLE",      503, "A queue is full; try again later") \
  row(shutting_down,           "SERVICE_UNAVAILABLE",      503, "The server is shutting down") \
  row(version_not_supported,   "HTTP_VERSION_NOT_SUPPORTED", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here") \
  row(storage_full,            "INSUFFICIENT_STORAGE",     507, "The disk is almost full; writes are refused until space returns") \
  row(storage_io,              "STORAGE_IO",               500, "Reading or writing a file failed") \
  row(storage_damaged,         "STORAGE_DAMAGED",          500, "Stored data is damaged") \
  row(storage_locked,          "STORAGE_LOCKED",           500, "Another process holds this data directory") \
  row(call_refused,            "CALL_REFUSED",             502, "The address may not be called, or did not answer") \
  row(mail_refused,            "MAIL_REFUSED",             502, "The mail server did not take the message") \
  row(bad_configuration,       "BAD_CONFIGURATION",        500, "The configuration is not valid") \
  row(bad_model,               "BAD_MODEL",                422, "The model file is not valid")
// clang-format on

enum class Error : uint16_t {
#define HEADRACE_ROW(name, code, status, sentence) name,
  HEADRACE_ERRORS(HEADRACE_ROW)
#undef HEADRACE_ROW
};

struct ErrorRow {
  std::string_view name, code;
  int status;
  std::string_view sentence;
};

// The row of the table for `error`.
const ErrorRow& row_of(Error error);

// An error with what a person needs to mend it: the field it is about (may be empty) and the rule broken.
struct Problem {
  Error error;
  std::string field;
  std::string detail;       // a sentence; empty means the table's own
  int64_t retry_after_s = 0;  // when to try again; 0: nobody knows

  Problem(Error e) : error(e) {}  // NOLINT: `return Error::not_found;` is how errors are returned
  Problem(Error e, std::string what) : error(e), detail(std::move(what)) {}
  Problem(Error e, std::string about, std::string what)
      : error(e), field(std::move(about)), detail(std::move(what)) {}

  // "field: detail", or whichever of both exists, or the sentence of the table.
  std::string text() const;
};

}  // namespace headrace
