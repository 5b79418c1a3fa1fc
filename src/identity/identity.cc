// What was decided becomes durable, then known to every loop, then is answered.
#include "src/identity/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/identity/password.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

// Half the cores at most: what loops do comes first.
size_t password_threads() { return std::max(1u, std::thread::hardware_concurrency() / 2); }

constexpr Micros try_again_us = 5'000;

uint64_t number_in(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

TokenKeyRange range_of(const IdentityCounters& counters) {
  return {static_cast<uint64_t>(counters.token_key_oldest), static_cast<uint64_t>(counters.token_key)};
}

CredentialUpdate update_of(CredentialUpdate::Kind kind, uint64_t id = 0, uint32_t version = 0, Micros until = 0) {
  CredentialUpdate update{.kind = kind};
  update.id = id, update.version = version, update.until = until;
  return update;
}

KeyEntry admin_entry(const KeyHash& hash) {
  KeyEntry entry;
  entry.hash = hash;
  entry.caller.kind = CredentialKind::api_key, entry.caller.rate_class = RateClass::unlimited;
  entry.caller.roles = {Role::admin}, entry.caller.scopes = all_scopes;
  entry.caller.key_id = admin_key_id;
  return entry;
}

using Batch = std::shared_ptr<const std::vector<CredentialUpdate>>;

void update_here(Credentials* credentials, Batch batch) {
  for (const CredentialUpdate& update : *batch) credentials->update(update);
}

std::vector<KeyUse> take_uses_here(Credentials* credentials) { return credentials->take_uses(limits::key_uses_max); }
std::vector<KeyUse> uses_here(Credentials* credentials) { return credentials->uses(limits::key_uses_max); }

}  // namespace

Identity::Identity(Shards& shards, Loops& loops, IdentityRules rules, Clock& clock)
    : shards_(shards),
      loops_(loops),
      clock_(clock),
      rules_(std::move(rules)),
      settings_{shards.directory().signing_key().secret_for("tokens"), rules_.algorithm, rules_.issuer, rules_.audience},
      refresh_secret_(shards.directory().signing_key().secret_for("refresh tokens")),
      answer_secret_(shards.directory().signing_key().secret_for("keyed answers")),
      passwords_(password_threads(), limits::password_queue_max, Offload::Priority::low),
      mails_(1, limits::mail_queue_max),
      login_limits_(limits::login_limit_slots) {
  for (size_t i = 0; i < loops.size(); ++i) credentials_.push_back(std::make_unique<Credentials>(settings_));
}

Result<> Identity::open(const std::vector<KeyHash>& admins) {
  admins_ = admins;
  const std::vector<CredentialUpdate> all = all_updates();
  for (auto& one : credentials_)
    for (const CredentialUpdate& update : all) one->update(update);
  return Done{};
}

// Everything that the documents say, from nothing.
std::vector<CredentialUpdate> Identity::all_updates() {
  using enum CredentialUpdate::Kind;
  std::vector<CredentialUpdate> out;
  auto counters = counters_of(documents());
  CredentialUpdate& token_keys = out.emplace_back(update_of(set_token_keys));
  token_keys.token_keys = range_of(counters);
  for (const KeyHash& hash : admins_) out.emplace_back(update_of(put_key)).key = admin_entry(hash);
  documents().scan(tables::account_numbers, {}, [&](std::string_view number, std::string_view) {
    out.push_back(update_of(set_version, number_in(number), 1));
    return true;
  });
  documents().scan(tables::session_versions, {}, [&](std::string_view number, std::string_view version) {
    if (documents().find(tables::account_numbers, number))
      out.push_back(update_of(set_version, number_in(number), static_cast<uint32_t>(number_in(version))));
    return true;
  });
  documents().scan(tables::ended_sessions, {}, [&](std::string_view key, std::string_view) {
    Micros until = static_cast<Micros>(number_of_id(key.substr(0, 16)));
    if (until > clock_.wall()) out.push_back(update_of(end_session, number_of_id(key.substr(16)), 0, until));
    return true;
  });
  std::vector<ApiKey> keys;
  documents().scan(tables::api_keys, {}, [&](std::string_view, std::string_view text) {
    auto key = from_json<ApiKey>(text);
    CHECK(key.ok());
    keys.push_back(std::move(*key));
    return true;
  });
  for (const ApiKey& key : keys) {
    auto account = load<Account>(documents(), tables::accounts, key.account);
    if (key.account.empty() || (account && account->active)) out.emplace_back(update_of(put_key)).key = entry_of(key);
  }
  return out;
}

void Identity::start() {
  timer_ = Timer::every(loop(), limits::key_uses_period_us, [this] { spawn(write_uses()); });
}

Task<void> Identity::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await gate_.close();
}

Task<Result<>> Identity::carry_out(Effects effects) {
  auto pass = gate_.enter();
  if (!pass) co_return Error::shutting_down;
  if (effects.change.empty()) co_return Done{};
  Result<Lsn> written = control().partition().commit(effects.change);
  if (!written.ok()) co_return written.problem();
  co_await control().make_durable();
  co_await publish(std::move(effects.updates));
  co_return Done{};
}

// Updates go out in the order in which they were decided, by one teller for all who wait.
Task<void> Identity::publish(std::vector<CredentialUpdate> updates) {
  if (updates.empty()) co_return;
  queued_ += updates.size();
  uint64_t mine = queued_;
  std::ranges::move(updates, std::back_inserter(untold_));
  if (!telling_) spawn(tell_loops());
  co_await told_.at_least(mine);
}

Task<void> Identity::tell_loops() {
  telling_ = true;
  while (!untold_.empty()) {
    auto batch = std::make_shared<std::vector<CredentialUpdate>>();
    size_t count = std::min(untold_.size(), limits::publish_batch_max);
    std::move(untold_.begin(), untold_.begin() + static_cast<ptrdiff_t>(count), std::back_inserter(*batch));
    untold_.erase(untold_.begin(), untold_.begin() + static_cast<ptrdiff_t>(count));
    for (size_t i = 0; i < credentials_.size(); ++i) {
      Credentials* there = credentials_[i].get();
      Batch told = batch;
      while (!(co_await ask(loops_[i], update_here, there, told)).ok()) co_await sleep(try_again_us);
    }
    told_.advance(told_.value() + count);
  }
  telling_ = false;
}

std::vector<CredentialUpdate> Identity::gone_updates() {
  const Credentials& known = here();
  std::vector<CredentialUpdate> out;
  for (uint64_t id : known.key_ids())
    if (id != admin_key_id && !documents().find(tables::api_keys, id_of_number(id)))
      out.push_back(update_of(CredentialUpdate::Kind::drop_key, id));
  std::vector<bool> there(known.last_account() + 1);
  documents().scan(tables::account_numbers, {}, [&](std::string_view number, std::string_view) {
    if (uint64_t its = number_in(number); its < there.size()) there[its] = true;
    return true;
  });
  for (uint64_t number = 1; number < there.size(); ++number)
    if (!there[number] && known.version_of(number) != 0)
      out.push_back(update_of(CredentialUpdate::Kind::set_version, number, 0));
  return out;
}

Task<void> Identity::tell_gone() {
  auto pass = gate_.enter();
  if (pass) co_await publish(gone_updates());
}

Task<Result<SignInSubject>> Identity::admit(std::string name, std::string peer) {
  co_return co_await ask(loop(), admit_here, this, std::move(name), std::move(peer));
}

Result<SignInSubject> Identity::admit_here(Identity* self, std::string name, std::string peer) {
  Micros now = self->clock_.monotonic();
  RateLimiter& limits = self->login_limits_;
  uint64_t of_name = limits.key_of("account", lower_case(name)), of_peer = limits.key_of("address", peer);
  const IdentityRules& rules = self->rules_;
  RateVerdict address = limits.take(of_peer, rules.logins_of_address, now);
  RateVerdict account = address.allowed ? limits.take(of_name, rules.logins_of_account, now) : address;
  if (!account.allowed) {
    Problem problem(Error::rate_limit_exceeded, "Too many attempts; try again later");
    problem.retry_after_s = (account.retry_after_us + second_us - 1) / second_us;
    return problem;
  }
  auto found = find_login(self->documents(), name);
  return found ? SignInSubject{found->id, found->password} : SignInSubject{};
}

Task<std::vector<KeyUse>> Identity::gather_uses(UsesHere uses) {
  std::vector<KeyUse> all;
  for (size_t i = 0; i < credentials_.size(); ++i) {
    auto some = co_await ask(loops_[i], uses, credentials_[i].get());
    if (some.ok()) all.insert(all.end(), some->begin(), some->end());
  }
  co_return all;
}

Task<std::vector<KeyUse>> Identity::recent_uses() { return gather_uses(uses_here); }

// Nobody waits for these to be durable: a crash loses a minute of them.
Task<void> Identity::write_uses() {
  auto pass = gate_.enter();
  if (!pass) co_return;
  auto uses = co_await gather_uses(take_uses_here);
  std::ranges::sort(uses, {}, [](const KeyUse& use) { return std::pair(use.id, use.at); });
  Change change;
  for (const KeyUse& use : uses)
    if (documents().find(tables::api_keys, id_of_number(use.id)))
      change.put(tables::key_uses, id_of_number(use.id), std::to_string(use.at));
  if (change.empty()) co_return;
  if (auto written = control().partition().commit(change); !written.ok()) {
    std::string reason = written.problem().text();
    log_line(Level::warning, "key_uses_not_written", {{"reason", std::string_view(reason)}});
  }
}

Result<IdentityCounters> Identity::decide_rotate(const Documents& documents, const Done&, const Stamp& stamp,
                                                 Effects& effects) {
  auto counters = counters_of(documents);
  Micros last_expires = counters.token_key_since.us + std::max(stamp.access_us, limits::service_token_us);
  if (last_expires > stamp.now && counters.token_key > 1)
    return Problem{Error::conflict, "Tokens of the key before the present one have not expired; rotate later"};
  counters.token_key_oldest = counters.token_key;
  ++counters.token_key;
  counters.token_key_since = {stamp.now, true};
  effects.put(tables::identity_counters, "all", counters);
  CredentialUpdate update{.kind = CredentialUpdate::Kind::set_token_keys};
  update.token_keys = range_of(counters);
  effects.updates.push_back(update);
  effects.record(stamp, "token_key_rotated", "", fmt::format(R"({{"number":{}}})", counters.token_key));
  return counters;
}

}  // namespace headrace
