// Answers to requests that carried an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), so that one sent again is
// answered and not carried out again. A request is claimed before it is carried out and its answer kept before it is sent;
// both are durable. Where the process ended in between nobody knows what came of it, and the key is refused.
#pragma once

#include <string>

#include "src/identity/effects.h"

namespace headrace {

// What stands under the hash of who asked and the key. Names no one; the body may hold secrets and is sealed (sealed.h).
struct KeyedAnswer {
  std::string request;  // HMAC of method, target and body
  std::string run;      // of the program: a claim of an earlier one is never answered
  int64_t status = 0;   // 0: not answered yet
  std::string content_type, sealed;
  Timestamp until;
  static constexpr auto shape() {
    return std::tuple{field("request", &KeyedAnswer::request, ""),
                      field("run", &KeyedAnswer::run, ""),
                      field("status", &KeyedAnswer::status, "", optional_field),
                      field("content_type", &KeyedAnswer::content_type, "", optional_field),
                      field("sealed", &KeyedAnswer::sealed, "base64url", optional_field),
                      field("until", &KeyedAnswer::until, "")};
  }
};

struct ClaimKey {
  std::string document, request, run;
};
// The answer that was given, or one with status 0: the claim is yours. Error::idempotency_key_reused: it belongs to another
// request; Error::conflict: the first one is not answered (yet); Error::overloaded: limits::keyed_answers_max.
Result<KeyedAnswer> decide_claim_key(const Documents& documents, const ClaimKey& want, const Stamp& stamp, Effects& effects);

// Status 0 gives the claim back: nothing was done, and the request may be sent again.
struct KeepAnswer {
  std::string document;
  int64_t status = 0;
  std::string content_type, sealed;
};
Result<Done> decide_keep_answer(const Documents& documents, const KeepAnswer& want, const Stamp& stamp, Effects& effects);

}  // namespace headrace
