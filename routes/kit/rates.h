// Rates: how often a caller may ask, as the systems document it. The numbers are settings (src/settings/setting_table.cc),
// which a store may have of its own; what they count is here.
//
//   system                 rate                                                      counted by
//   stream                 rates.events                                              client
//     ...batches, simulations  instead rates.event_batches, rates.simulations        client
//   learning               rates.learning                                            client
//   all others             rates.api_key, rates.user or rates.address                what the caller showed
//     ...that predict      and rates.predictions                                     client
//     ...that upload       and rates.uploads                                         client
//
// A client is a person, else a key, else an address. Credentials of the class `elevated` have five times as much, those of
// `unlimited` are not counted.
#pragma once

#include <string_view>

#include "routes/kit/route.h"
#include "src/base/result.h"
#include "src/identity/caller.h"
#include "src/identity/rate_limit.h"

namespace headrace {

struct App;
class Call;
struct LoopContext;
struct RateRule;

struct Counting {
  const App& app;
  const LoopContext& here;
  const Caller& caller;
  std::string_view peer;
  System system;
  Counted as;
};

// The rate that has the least left, or had nothing.
struct RateState {
  const RateRule* rule = nullptr;  // nullptr: none counts
  RateVerdict verdict = {};
};

// Charges what a call of this kind counts against. Nothing is charged where one of its rates has nothing left.
RateState take_rates(const Counting& counting);
// What the caller has left of the rate of its credential.
RateVerdict rate_left(const Counting& counting);

Problem too_often(const RateState& state);             // Error::rate_limit_exceeded
void add_rate_headers(const RateState& state, Call& call);

}  // namespace headrace
