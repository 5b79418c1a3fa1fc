// Two rates at most for a call: both are looked at before one is charged.
#include "routes/kit/rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "routes/kit/app.h"
#include "routes/kit/call.h"
#include "src/settings/settings.h"

namespace headrace {

struct RateRule {
  SettingId setting;
  Micros window_us;
  std::string_view name, window;
};

namespace {

constexpr int64_t elevated_factor = 5;

constexpr RateRule of_key{SettingId::rates_api_key, hour_us, "api_key", "hour"};
constexpr RateRule of_user{SettingId::rates_user, hour_us, "user", "hour"};
constexpr RateRule of_address{SettingId::rates_address, hour_us, "address", "hour"};
constexpr RateRule of_predictions{SettingId::rates_predictions, hour_us, "predictions", "hour"};
constexpr RateRule of_learning{SettingId::rates_learning, minute_us, "learning", "min"};
constexpr RateRule of_events{SettingId::rates_events, minute_us, "events", "min"};
constexpr RateRule of_event_batches{SettingId::rates_event_batches, minute_us, "event_batches", "min"};
constexpr RateRule of_simulations{SettingId::rates_simulations, minute_us, "simulations", "min"};
constexpr RateRule of_uploads{SettingId::rates_uploads, hour_us, "uploads", "hour"};

// What counts by a rate of its own: beside that of all the system's calls, or instead of it.
struct OwnRate {
  Counted as;
  const RateRule& rule;
  bool beside;
};
constexpr std::array own_rates{OwnRate{Counted::prediction, of_predictions, true},
                               OwnRate{Counted::upload, of_uploads, true},
                               OwnRate{Counted::batch, of_event_batches, false},
                               OwnRate{Counted::simulation, of_simulations, false}};

const RateRule& of_credential(const Caller& caller) {
  switch (caller.kind) {
    case CredentialKind::api_key:
    case CredentialKind::service_token: return of_key;
    case CredentialKind::user_token: return of_user;
    case CredentialKind::none:
    case CredentialKind::open: break;
  }
  return of_address;
}

// Whom a rate counts, in few bytes.
struct Who {
  char text[64];
  size_t bytes;
  std::string_view view() const { return {text, bytes}; }
};
Who numbered(char kind, uint64_t number) {
  Who who;
  who.bytes = static_cast<size_t>(fmt::format_to_n(who.text, sizeof who.text, "{}{}", kind, number).out - who.text);
  return who;
}
Who who_of(const RateRule& rule, const Counting& counting) {
  const Caller& caller = counting.caller;
  bool by_key = &rule == &of_key || caller.account_number == 0;
  if (&rule != &of_address && caller.known()) {
    if (by_key && caller.key_id != 0) return numbered('k', caller.key_id);
    if (caller.account_number != 0) return numbered('a', caller.account_number);
  }
  Who who;
  who.bytes = std::min(counting.peer.size(), sizeof who.text);
  std::copy_n(counting.peer.data(), who.bytes, who.text);
  return who;
}

struct CountedRate {
  const RateRule* rule;
  Rate rate;
  uint64_t key;
};

int64_t count_of(const RateRule& rule, const Counting& counting) {
  return counting.here.settings->integer(rule.setting, counting.caller.tenant.view());
}

// nullopt: not limited.
std::optional<CountedRate> counted(const RateRule& rule, const Counting& counting) {
  int64_t count = count_of(rule, counting);
  if (count == 0 || counting.caller.rate_class == RateClass::unlimited) return std::nullopt;
  if (counting.caller.rate_class == RateClass::elevated) count *= elevated_factor;
  return CountedRate{&rule, {count, rule.window_us}, counting.app.rates.key_of(rule.name, who_of(rule, counting).view())};
}

// What a call counts against, the narrower first.
std::array<std::optional<CountedRate>, 2> rates_of(const Counting& counting) {
  const RateRule& wide = counting.system == System::stream     ? of_events
                         : counting.system == System::learning ? of_learning
                                                               : of_credential(counting.caller);
  auto own = std::ranges::find(own_rates, counting.as, &OwnRate::as);
  if (own == own_rates.end()) return {counted(wide, counting)};
  return {counted(own->rule, counting), own->beside ? counted(wide, counting) : std::nullopt};
}

int64_t seconds_up(Micros time) { return (time + second_us - 1) / second_us; }

}  // namespace

RateState take_rates(const Counting& counting) {
  if (counting.as == Counted::not_at_all || counting.caller.rate_class == RateClass::unlimited) return {};
  Micros now = counting.app.clock.monotonic();
  RateLimiter& limiter = counting.app.rates;
  auto rates = rates_of(counting);
  for (auto& one : rates) {
    if (!one || limiter.look(one->key, one->rate, now).remaining > 0) continue;
    if (RateVerdict verdict = limiter.take(one->key, one->rate, now); !verdict.allowed) return {one->rule, verdict};
  }
  RateState least;
  for (auto& one : rates) {
    if (!one) continue;
    RateVerdict verdict = limiter.take(one->key, one->rate, now);
    if (!least.rule || !verdict.allowed || verdict.remaining < least.verdict.remaining) least = {one->rule, verdict};
    if (!verdict.allowed) break;
  }
  return least;
}

RateVerdict rate_left(const Counting& counting) {
  const RateRule& rule = of_credential(counting.caller);
  if (auto rate = counted(rule, counting))
    return counting.app.rates.look(rate->key, rate->rate, counting.app.clock.monotonic());
  int64_t count = count_of(rule, counting);
  if (count == 0) count = limits::rate_count_max;
  return {.limit = count, .remaining = count};
}

Problem too_often(const RateState& state) {
  int64_t seconds = seconds_up(state.verdict.retry_after_us);
  Problem problem(Error::rate_limit_exceeded, fmt::format("Rate limit: {} req/{}. Try again in {} seconds.",
                                                          state.verdict.limit, state.rule->window, seconds));
  problem.retry_after_s = seconds;
  return problem;
}

void add_rate_headers(const RateState& state, Call& call) {
  const auto& [rule, verdict] = state;
  int64_t reset_s = seconds_up(verdict.reset_us);
  call.add_header("X-RateLimit-Limit", std::to_string(verdict.limit));
  call.add_header("X-RateLimit-Remaining", std::to_string(verdict.remaining));
  call.add_header("X-RateLimit-Reset", std::to_string(call.app.clock.wall() / second_us + reset_s));
  // draft-ietf-httpapi-ratelimit-headers-10
  call.add_header("RateLimit-Policy",
                  fmt::format(R"("{}";q={};w={})", rule->name, verdict.limit, rule->window_us / second_us));
  call.add_header("RateLimit", fmt::format(R"("{}";r={};t={})", rule->name, verdict.remaining, reset_s));
}

}  // namespace headrace
