// One claim and one answer, each a commit of the control partition.
#include "routes/kit/keyed.h"

#include <fmt/format.h>

#include "codec/base64url.h"
#include "routes/kit/app.h"
#include "routes/kit/call.h"
#include "src/base/log.h"
#include "src/identity/keyed_answers.h"
#include "src/identity/token_key.h"
#include "storage/kill_point.h"

namespace headrace {
namespace {

constexpr std::string_view header = "idempotency-key";

bool is_key(std::string_view text) {
  for (unsigned char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return text.size() <= limits::idempotency_key_bytes_max;
}

// Keys of one credential are not those of another; who has none is known by the address.
std::string asker_of(const Call& call) {
  const Caller& caller = call.caller;
  if (!caller.known()) return fmt::format("address {}", call.peer.view());
  if (caller.account_number != 0) return fmt::format("account {}", caller.account_number);
  return fmt::format("key {}", caller.key_id);
}

// What was refused for the moment, or failed on our side, is tried again by the next request with this key.
bool is_kept(int status) {
  constexpr int too_many = 429, server_errors = 500;
  return status < server_errors && status != too_many;
}

}  // namespace

bool take_idempotency_key(Call& call, const Request& request) {
  std::string_view key = request.headers.find(header);
  if (!call.route->policy.keyed || key.empty()) return true;
  if (!is_key(key)) {
    call.answer_problem({Error::malformed_request, "Idempotency-Key",
                         fmt::format("must be 1 to {} visible ASCII characters", limits::idempotency_key_bytes_max)});
    return false;
  }
  const SealKey& secret = call.app.identity.answer_secret();
  auto keyed = std::make_unique<KeyedCall>();
  keyed->document = base64url(hmac_sha256(secret, fmt::format("asker\n{}\n{}", asker_of(call), key)));
  keyed->request = base64url(hmac_sha256(secret, fmt::format("request\n{} {}\n{}", name_of(request.method), request.target, request.body)));
  hmac_sha256(secret, fmt::format("answer\n{}\n{}", keyed->document, key)).copy(keyed->seal.data(), keyed->seal.size());
  call.keyed = std::move(keyed);
  return true;
}

Task<bool> claim(Call& call) {
  KeyedCall& keyed = *call.keyed;
  ClaimKey wish{keyed.document, keyed.request, call.app.run};
  auto known = co_await call.app.identity.change(decide_claim_key, std::move(wish));
  if (!known.ok()) {
    call.answer_problem(known.problem());
    co_return false;
  }
  kill_point("in_keyed_call");
  if (known->status == 0) {
    keyed.claimed = true;
    co_return true;
  }
  auto body = unseal(keyed.seal, known->sealed);
  call.add_header("Idempotency-Replayed", "true");
  if (body)
    call.answer(static_cast<int>(known->status), known->content_type, *body);
  else
    call.answer_problem(Error::storage_damaged);
  co_return false;
}

Task<void> keep_and_answer(Call& call, int status, std::string content_type, std::string body) {
  KeyedCall& keyed = *call.keyed;
  keyed.claimed = false;
  KeepAnswer answer;
  answer.document = keyed.document;
  if (is_kept(status))
    answer.status = status, answer.content_type = content_type, answer.sealed = seal(keyed.seal, body);
  auto kept = co_await call.app.identity.change(decide_keep_answer, std::move(answer));
  if (!kept.ok()) {
    std::string reason = kept.problem().text();
    log_line(Level::warning, "keyed_answer_not_kept", {{"reason", std::string_view(reason)}});
  }
  call.answer(status, content_type, body);
}

}  // namespace headrace
