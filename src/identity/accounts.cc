// Registration, profiles, and what administrators do.
#include "src/identity/accounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/time_text.h"
#include "src/base/limits.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Problem invalid(std::string_view field, std::string_view rule) {
  return {Error::invalid_input, std::string(field), std::string(rule)};
}

std::string time_text(Micros time) {
  std::string out;
  append_time(time, true, out);
  return out;
}

Result<> check_free(const Documents& documents, const RegisterAccount& want) {
  if (documents.find(tables::emails, lower_case(want.email))) return Problem{Error::email_taken, "email", "is taken"};
  if (documents.find(tables::usernames, lower_case(want.username)))
    return Problem{Error::username_taken, "username", "is taken"};
  return Done{};
}

Account new_account(const RegisterAccount& want, const Stamp& stamp, IdentityCounters& counters) {
  Account account;
  account.number = ++counters.accounts;
  account.id = stamp.uuid();
  account.username = want.username, account.email = want.email, account.password = want.password_hash;
  account.first_name = want.first_name, account.last_name = want.last_name, account.phone = want.phone;
  account.roles = want.roles;
  account.tenant = want.tenant.empty() ? account.id : want.tenant;  // who belongs to nobody is alone
  account.credits = limits::credits_at_start;
  account.created_at = account.updated_at = {stamp.now, true};
  return account;
}

ApiKey first_key(const RegisterAccount& want, const Stamp& stamp) {
  ApiKey key;
  key.id = stamp.id(), key.name = "default", key.hash = want.key_hash, key.prefix = want.key_prefix;
  key.roles = want.roles, key.scopes = names_of(all_scopes), key.created_at = {stamp.now, true};
  return key;
}

// One of a purpose: what was mailed before is void.
void put_proof(Account& account, std::string_view hash, std::string_view purpose, const Stamp& stamp, Effects& effects) {
  std::string& last = purpose == reset_purpose ? account.reset_proof : account.verify_proof;
  if (!last.empty()) effects.erase(tables::proofs, last);
  last = hash;
  Proof proof{.account = account.id, .purpose = std::string(purpose), .version = account.version, .expires_at = {}};
  proof.expires_at = {stamp.now + (purpose == reset_purpose ? limits::reset_lifetime_us : limits::verify_lifetime_us), true};
  effects.put(tables::proofs, hash, proof);
}

void put_account(Account& account, const Stamp& stamp, Effects& effects) {
  account.updated_at = {stamp.now, true};
  effects.put(tables::accounts, account.id, account);
}

// The account behind a token that was mailed; the token is used up by `effects`.
Result<Account> take_proof(const Documents& documents, const UseProof& want, std::string_view purpose,
                           const Stamp& stamp, Effects& effects) {
  auto proof = load<Proof>(documents, tables::proofs, want.hash);
  if (!proof || proof->purpose != purpose) return Error::invalid_proof;
  auto account = load<Account>(documents, tables::accounts, proof->account);
  effects.erase(tables::proofs, want.hash);
  bool stale = !account || proof->expires_at.us <= stamp.now ||
               (purpose == reset_purpose && proof->version != account->version);
  if (stale) return Error::invalid_proof;
  return std::move(*account);
}

// Its keys follow what the account may do now.
void renew_keys(const Documents& documents, const Account& account, Effects& effects) {
  for (const std::string& id : account.keys) {
    auto key = load<ApiKey>(documents, tables::api_keys, id);
    if (!key) continue;
    key->roles = account.roles, key->tenant = account.tenant;
    effects.put(tables::api_keys, id, *key);
    if (!account.active) {
      effects.tell(CredentialUpdate::Kind::drop_key, number_of_id(id));
      continue;
    }
    CredentialUpdate update{.kind = CredentialUpdate::Kind::put_key};
    update.key = entry_of(*key);
    effects.updates.push_back(update);
  }
}

}  // namespace

Result<> check_username(std::string_view username) {
  if (username.size() < limits::username_bytes_min || username.size() > limits::username_bytes_max)
    return invalid("username", "must have 3 to 50 characters");
  for (char c : username)
    if (!is_letter_or_digit(c) && c != '_' && c != '-' && c != '.')
      return invalid("username", "may have letters, digits, '_', '-' and '.' only");
  bool digits = std::ranges::all_of(username, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? Result<>(invalid("username", "must not be a number")) : Done{};
}

// One '@' with something before it and a host behind it, no blanks: whether mail arrives there, only mail can tell.
Result<> check_email(std::string_view email) {
  size_t at = email.find('@');
  bool well_formed = email.size() <= limits::email_bytes_max && at != email.npos && at > 0 && at <= 64 &&
                     email.find('@', at + 1) == email.npos;
  for (char c : email) well_formed = well_formed && c > ' ' && c < 0x7f && std::string_view("<>(),;:\\\"[]").find(c) == std::string_view::npos;
  std::string_view host = well_formed ? email.substr(at + 1) : std::string_view();
  for (char c : host) well_formed = well_formed && (is_letter_or_digit(c) || c == '.' || c == '-');
  if (!well_formed || host.empty() || host.front() == '.' || host.back() == '.' || host.find("..") != host.npos)
    return invalid("email", "must be an e-mail address such as user@example.com");
  return Done{};
}

Result<> check_password(std::string_view password) {
  if (password.size() < limits::password_bytes_min || password.size() > limits::password_bytes_max)
    return invalid("password", "must have 6 to 256 bytes");
  return Done{};
}

std::optional<Account> find_account(const Documents& documents, std::string_view id) {
  if (id.find('-') != id.npos) return load<Account>(documents, tables::accounts, id);
  auto uuid = documents.find(tables::account_numbers, id);
  return uuid ? load<Account>(documents, tables::accounts, std::string(*uuid)) : std::nullopt;
}

std::optional<Account> find_login(const Documents& documents, std::string_view name) {
  uint8_t table = name.find('@') == name.npos ? tables::usernames : tables::emails;
  auto uuid = documents.find(table, lower_case(name));
  return uuid ? load<Account>(documents, tables::accounts, std::string(*uuid)) : std::nullopt;
}

Result<Account> decide_register(const Documents& documents, const RegisterAccount& want, const Stamp& stamp,
                                Effects& effects) {
  TRY_DONE(check_free(documents, want));
  auto counters = counters_of(documents);
  if (counters.accounts >= static_cast<int64_t>(limits::accounts_max))
    return Problem{Error::overloaded, "The server holds as many accounts as it may"};
  Account account = new_account(want, stamp, counters);
  ApiKey key = first_key(want, stamp);
  TRY_DONE(add_key(key, &account, stamp, effects));
  effects.put(tables::identity_counters, "all", counters);
  if (!want.proof_hash.empty()) put_proof(account, want.proof_hash, verify_purpose, stamp, effects);
  effects.put(tables::accounts, account.id, account);
  effects.change.put(tables::usernames, lower_case(account.username), account.id);
  effects.change.put(tables::emails, lower_case(account.email), account.id);
  effects.change.put(tables::account_numbers, std::to_string(account.number), account.id);
  effects.tell(CredentialUpdate::Kind::set_version, static_cast<uint64_t>(account.number), 1);
  effects.record(stamp, "user_created", account.id,
                 object_of({{"email", account.email}, {"username", account.username}, {"created_at", time_text(stamp.now)}}));
  return account;
}

Result<Account> decide_update_profile(const Documents& documents, const UpdateProfile& want, const Stamp& stamp,
                                      Effects& effects) {
  auto account = find_account(documents, want.id);
  if (!account) return Error::user_not_found;
  auto set = [](std::string& member, const std::optional<std::string>& value) {
    if (value) member = *value;
  };
  set(account->first_name, want.first_name), set(account->last_name, want.last_name), set(account->phone, want.phone);
  set(account->bio, want.bio), set(account->country, want.country), set(account->city, want.city);
  put_account(*account, stamp, effects);
  effects.record(stamp, "user_updated", account->id);
  return std::move(*account);
}

void end_all_sessions(Account& account, Effects& effects) {
  ++account.version;
  effects.change.put(tables::session_versions, std::to_string(account.number), std::to_string(account.version));
  effects.erase(tables::sessions, account.id);
  effects.tell(CredentialUpdate::Kind::set_version, static_cast<uint64_t>(account.number),
               static_cast<uint32_t>(account.version));
}

Result<Account> decide_govern(const Documents& documents, const GovernAccount& want, const Stamp& stamp, Effects& effects) {
  auto account = find_account(documents, want.id);
  if (!account) return Error::user_not_found;
  std::string wrong;
  if (want.roles && (want.roles->empty() || !parse_roles(*want.roles, wrong)))
    return invalid("roles", "must name roles; \"" + wrong + "\" is none");
  if (want.roles) account->roles = *want.roles;
  if (want.tenant) account->tenant = want.tenant->empty() ? account->id : *want.tenant;
  if (want.active) account->active = *want.active;
  end_all_sessions(*account, effects);
  renew_keys(documents, *account, effects);
  put_account(*account, stamp, effects);
  effects.record(stamp, "user_governed", account->id,
                 fmt::format(R"({{"roles":{},"active":{}}})", to_json(account->roles), account->active));
  return std::move(*account);
}

Result<Account> decide_add_credits(const Documents& documents, const AddCredits& want, const Stamp& stamp,
                                   Effects& effects) {
  auto account = find_account(documents, want.id);
  if (!account) return Error::user_not_found;
  if (account->credits + want.credits < 0 || account->credits + want.credits > limits::credits_max)
    return invalid("credits", "must leave the balance between 0 and 1000000000000");
  account->credits += want.credits;
  put_account(*account, stamp, effects);
  effects.record(stamp, "user_credits_added", account->id,
                 fmt::format(R"({{"credits":{},"balance":{}}})", want.credits, account->credits));
  return std::move(*account);
}

Result<Account> decide_begin_proof(const Documents& documents, const BeginProof& want, const Stamp& stamp,
                                   Effects& effects) {
  auto account = find_login(documents, want.email);
  if (!account || !account->active) return Error::user_not_found;
  put_proof(*account, want.hash, want.purpose, stamp, effects);
  put_account(*account, stamp, effects);
  effects.record(stamp, "password_reset_requested", account->id);
  return std::move(*account);
}

Result<Account> decide_reset_password(const Documents& documents, const UseProof& want, const Stamp& stamp,
                                      Effects& effects) {
  auto account = take_proof(documents, want, reset_purpose, stamp, effects);
  if (!account.ok()) return account.problem();
  account->password = want.password_hash;
  account->reset_proof.clear();
  end_all_sessions(*account, effects);
  put_account(*account, stamp, effects);
  effects.record(stamp, "password_changed", account->id);
  return account;
}

Result<Account> decide_verify(const Documents& documents, const UseProof& want, const Stamp& stamp, Effects& effects) {
  auto known = find_account(documents, want.id);
  if (!known) return Error::user_not_found;
  auto account = take_proof(documents, want, verify_purpose, stamp, effects);
  if (!account.ok()) return account.problem();
  if (account->id != known->id) {
    effects = {};  // somebody else's: it stays good
    return Error::invalid_proof;
  }
  account->verified = true;
  account->verify_proof.clear();
  put_account(*account, stamp, effects);
  effects.record(stamp, "user_verified", account->id, object_of({{"verified_at", time_text(stamp.now)}}));
  return account;
}

}  // namespace headrace
