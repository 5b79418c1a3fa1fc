// Requests with an Idempotency-Key, on rows whose policy says `keyed`: carried out once, answered as often as they are sent
// (src/identity/keyed_answers.h).
#pragma once

#include <string>

#include "src/identity/sealed.h"
#include "src/runtime/task.h"

namespace headrace {

class Call;
struct Request;

struct KeyedCall {
  std::string document, request;  // ClaimKey
  SealKey seal{};                 // from the key itself and the data directory's secret
  bool claimed = false;           // its answer is kept before it is sent
};

// Where the row honours keys and the request has one. False: the key breaks a rule, and the call is answered.
bool take_idempotency_key(Call& call, const Request& request);

// False: another request with the key came first, and the call is answered. After the input was read.
Task<bool> claim(Call& call);

// Instead of Call::answer() for a call that was claimed: its answer is made durable, then sent. What failed on our side may
// be sent again, and is not kept.
Task<void> keep_and_answer(Call& call, int status, std::string content_type, std::string body);

}  // namespace headrace
