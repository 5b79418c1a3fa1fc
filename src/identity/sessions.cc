// A session is an entry in its account's list; what ended before its tokens did is told to all loops.
#include "src/identity/sessions.h"

#include <algorithm>

#include "codec/base64url.h"
#include "codec/varint.h"
#include "src/base/limits.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

constexpr std::string_view refresh_prefix = "hrr_";
constexpr size_t mac_bytes = 32;

std::string ended_key(Micros until, std::string_view session) {
  return id_of_number(static_cast<uint64_t>(until)) + std::string(session);
}

// Those that no longer matter go on the way, so that they are never more than ended within a token's lifetime.
void forget_some_ended(const Documents& documents, Micros now, Effects& effects) {
  const std::string end = ended_key(now, "");
  int count = 0;
  documents.scan(tables::ended_sessions, {}, [&](std::string_view key, std::string_view) {
    if (key >= end || ++count > 3) return false;
    effects.erase(tables::ended_sessions, key);
    return true;
  });
}

// Where too many have ended lately, all end at once: one number instead of a list.
void end_session(const Documents& documents, Account& account, SessionList& list, size_t index, const Stamp& stamp,
                 Effects& effects) {
  const std::string id = list.open[index].id;
  list.open.erase(list.open.begin() + static_cast<ptrdiff_t>(index));
  Micros until = stamp.now + stamp.access_us;
  std::erase_if(list.ended, [&](const Timestamp& one) { return one.us <= stamp.now; });
  if (list.ended.size() >= limits::ended_sessions_kept) {
    end_all_sessions(account, effects);
    effects.put(tables::accounts, account.id, account);
    list = {};
    return;
  }
  list.ended.push_back({until, true});
  effects.change.put(tables::ended_sessions, ended_key(until, id), "");
  effects.tell(CredentialUpdate::Kind::end_session, number_of_id(id), 0, until);
  forget_some_ended(documents, stamp.now, effects);
}

SessionList sessions_of(const Documents& documents, const Account& account) {
  return load<SessionList>(documents, tables::sessions, account.id).value_or(SessionList{});
}

Problem bad_refresh_token() { return {Error::authentication_required, "The refresh token is not valid"}; }

}  // namespace

Result<SessionGrant> decide_sign_in(const Documents& documents, const SignIn& want, const Stamp& stamp, Effects& effects) {
  auto account = load<Account>(documents, tables::accounts, want.account);
  if (!account || account->password != want.password_hash) return Error::invalid_credentials;
  if (!account->active) return Problem{Error::insufficient_permissions, "The account is disabled"};
  SessionList list = sessions_of(documents, *account);
  std::erase_if(list.open, [&](const Session& one) { return one.expires_at.us <= stamp.now; });
  if (list.open.size() >= limits::account_sessions_max) end_session(documents, *account, list, 0, stamp, effects);
  Session session{.id = stamp.id(), .generation = 1, .created_at = {stamp.now, true}, .expires_at = {}};
  session.expires_at = {stamp.now + stamp.refresh_us, true};
  list.open.push_back(session);
  effects.put(tables::sessions, account->id, list);
  effects.record(stamp, "user_signed_in", account->id, object_of({{"session", session.id}}));
  return SessionGrant{std::move(*account), session.id, session.generation};
}

Result<Done> decide_sign_in_failed(const Documents&, const SignInFailed& want, const Stamp& stamp, Effects& effects) {
  effects.record(stamp, "sign_in_failed", want.account, object_of({{"peer", want.peer}}));
  return Error::invalid_credentials;
}

Result<SessionGrant> decide_refresh(const Documents& documents, const RefreshClaim& want, const Stamp& stamp,
                                    Effects& effects) {
  auto account = find_account(documents, std::to_string(want.account));
  if (!account || !account->active) return bad_refresh_token();
  SessionList list = sessions_of(documents, *account);
  auto session = std::ranges::find(list.open, id_of_number(want.session), &Session::id);
  if (session == list.open.end() || session->expires_at.us <= stamp.now) return bad_refresh_token();
  if (static_cast<uint64_t>(session->generation) != want.generation) {
    effects.record(stamp, "refresh_token_reused", account->id, object_of({{"session", session->id}}));
    end_session(documents, *account, list, static_cast<size_t>(session - list.open.begin()), stamp, effects);
    effects.put(tables::sessions, account->id, list);
    return Problem{Error::authentication_required, "The refresh token was used before: its session has ended"};
  }
  ++session->generation;
  session->expires_at = {stamp.now + stamp.refresh_us, true};
  SessionGrant grant{*account, session->id, session->generation};
  effects.put(tables::sessions, account->id, list);
  return grant;
}

Result<Done> decide_sign_out(const Documents& documents, const SignOut& want, const Stamp& stamp, Effects& effects) {
  auto account = load<Account>(documents, tables::accounts, want.account);
  if (!account) return Problem{Error::user_not_found, "The credential is not of a user"};
  if (want.all) {
    end_all_sessions(*account, effects);
    effects.put(tables::accounts, account->id, *account);
  } else {
    SessionList list = sessions_of(documents, *account);
    auto session = std::ranges::find(list.open, id_of_number(want.session), &Session::id);
    if (session == list.open.end()) return Done{};
    end_session(documents, *account, list, static_cast<size_t>(session - list.open.begin()), stamp, effects);
    effects.put(tables::sessions, account->id, list);
  }
  effects.record(stamp, "user_signed_out", account->id, want.all ? R"({"all":true})" : R"({"all":false})");
  return Done{};
}

std::string write_refresh_token(const RefreshSecret& secret, const RefreshClaim& claim) {
  std::string body;
  put_fixed(claim.account, body), put_fixed(claim.session, body), put_fixed(claim.generation, body);
  return std::string(refresh_prefix) + base64url(body + hmac_sha256(secret, body));
}

std::optional<RefreshClaim> read_refresh_token(const RefreshSecret& secret, std::string_view token) {
  if (!token.starts_with(refresh_prefix) || token.size() > limits::token_bytes_max) return std::nullopt;
  auto bytes = parse_base64url(token.substr(refresh_prefix.size()));
  if (!bytes || bytes->size() != 3 * sizeof(uint64_t) + mac_bytes) return std::nullopt;
  std::string_view body = std::string_view(*bytes).substr(0, 3 * sizeof(uint64_t));
  if (!equal_secretly(hmac_sha256(secret, body), std::string_view(*bytes).substr(body.size()))) return std::nullopt;
  Taker take(body);
  RefreshClaim claim;
  claim.account = take.fixed<uint64_t>(), claim.session = take.fixed<uint64_t>(), claim.generation = take.fixed<uint64_t>();
  return claim;
}

}  // namespace headrace
