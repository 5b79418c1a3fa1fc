// Answers to pages of other origins, and to their questions beforehand.
#include "routes/kit/cors.h"

#include "routes/kit/call.h"
#include "src/net/text.h"

namespace headrace {
namespace {

constexpr std::string_view exposed =
    "X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy, Retry-After, ETag, "
    "Idempotency-Replayed, Server-Timing";
constexpr std::string_view wanted =
    "Authorization, X-API-Key, Content-Type, Content-Encoding, Accept, Idempotency-Key, If-None-Match, X-Request-ID, traceparent";
constexpr std::string_view known_for_s = "600";

}  // namespace

void add_cors(std::string_view origins, const Request& request, Call& call) {
  std::string_view origin = request.headers.known(Known::origin);
  bool any = false, listed = false;
  for_each_token(origins, [&](std::string_view one) { any |= one == "*", listed |= equal_any_case(one, origin); });
  if (!any) call.add_header("Vary", "Origin");
  if (origin.empty() || !(any || listed)) return;
  call.add_header("Access-Control-Allow-Origin", any ? "*" : origin);
  call.add_header("Access-Control-Expose-Headers", exposed);
}

void add_preflight(const Request& request, std::string_view methods, Call& call) {
  if (request.headers.find("access-control-request-method").empty()) return;
  call.add_header("Access-Control-Allow-Methods", methods);
  call.add_header("Access-Control-Allow-Headers", wanted);
  call.add_header("Access-Control-Max-Age", known_for_s);
}

}  // namespace headrace
