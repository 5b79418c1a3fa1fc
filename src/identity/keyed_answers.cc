// Claims and answers as documents, the expired ones erased by whoever claims next.
#include "src/identity/keyed_answers.h"

#include "src/base/limits.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

constexpr int sweep_max = 8;  // more than one claim adds

// In the order of time.
std::string time_key(Micros until, std::string_view document) {
  return id_of_number(static_cast<uint64_t>(until)).append(document);
}

void drop(std::string_view document, Micros until, IdentityCounters& counters, Effects& effects) {
  effects.erase(tables::keyed_answers, document);
  effects.erase(tables::keyed_answer_times, time_key(until, document));
  --counters.keyed_answers;
}

// Of what has expired, the oldest; `dropped` is gone already.
void sweep(const Documents& documents, Micros now, std::string_view dropped, IdentityCounters& counters, Effects& effects) {
  int left = sweep_max;
  documents.scan(tables::keyed_answer_times, {}, [&](std::string_view key, std::string_view) {
    Micros until = static_cast<Micros>(number_of_id(key.substr(0, 16)));
    if (until > now) return false;
    if (key.substr(16) != dropped) drop(key.substr(16), until, counters, effects);
    return --left > 0;
  });
}

Result<KeyedAnswer> answer_again(KeyedAnswer known, const ClaimKey& want) {
  if (known.request != want.request) return Error::idempotency_key_reused;
  if (known.status != 0) return known;
  if (known.run != want.run)
    return Problem{Error::conflict, "Idempotency-Key",
                   "the server ended while it answered the first request with this key, and whether that took effect is not "
                   "known; look, then use another key"};
  Problem problem{Error::conflict, "Idempotency-Key", "the first request with this key is still being answered"};
  problem.retry_after_s = 1;
  return problem;
}

}  // namespace

Result<KeyedAnswer> decide_claim_key(const Documents& documents, const ClaimKey& want, const Stamp& stamp, Effects& effects) {
  auto known = load<KeyedAnswer>(documents, tables::keyed_answers, want.document);
  if (known && known->until.us > stamp.now) return answer_again(std::move(*known), want);
  IdentityCounters counters = counters_of(documents);
  if (known) drop(want.document, known->until.us, counters, effects);
  sweep(documents, stamp.now, want.document, counters, effects);
  if (counters.keyed_answers >= static_cast<int64_t>(limits::keyed_answers_max))
    return Problem{Error::overloaded, "Idempotency-Key", "too many keys are remembered; try again later"};
  KeyedAnswer claim;
  claim.request = want.request, claim.run = want.run;
  claim.until = {stamp.now + limits::keyed_answer_lifetime_us, true};
  ++counters.keyed_answers;
  effects.put(tables::keyed_answers, want.document, claim);
  effects.change.put(tables::keyed_answer_times, time_key(claim.until.us, want.document), "");
  effects.put(tables::identity_counters, "all", counters);
  return claim;
}

Result<Done> decide_keep_answer(const Documents& documents, const KeepAnswer& want, const Stamp&, Effects& effects) {
  auto claim = load<KeyedAnswer>(documents, tables::keyed_answers, want.document);
  if (!claim) return Done{};  // it took longer than a day
  if (want.status == 0) {
    IdentityCounters counters = counters_of(documents);
    drop(want.document, claim->until.us, counters, effects);
    effects.put(tables::identity_counters, "all", counters);
    return Done{};
  }
  claim->status = want.status, claim->content_type = want.content_type, claim->sealed = want.sealed;
  effects.put(tables::keyed_answers, want.document, *claim);
  return Done{};
}

}  // namespace headrace
