// What identity keeps: documents of the control partition. No secret stands in them: of passwords, keys and mailed
// tokens only hashes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "codec/shape.h"
#include "src/base/check.h"
#include "src/identity/tables.h"
#include "storage/documents.h"

namespace headrace {

// A person. `number` and `id` name the same account, in systems that count and in those that do not.
struct Account {
  int64_t number = 0;
  std::string id, username, email, password;
  std::string first_name, last_name, phone, tenant, bio, country, city, plan = "basic", leaderboard = "public";
  std::vector<std::string> roles, keys;  // keys: ids of API keys, the first one made at registration
  std::string reset_proof, verify_proof;  // hashes of the tokens mailed last; earlier ones are void
  bool active = true, verified = false, predictive = true;
  int64_t version = 1;  // of its sessions: what was issued for an earlier one is void
  int64_t credits = 0;
  Timestamp created_at, updated_at;
  static constexpr auto shape() {
    return std::tuple{field("number", &Account::number, "The numeric user_id"),
                      field("id", &Account::id, "UUID"),
                      field("username", &Account::username, "As it was given"),
                      field("email", &Account::email, "As it was given"),
                      field("password", &Account::password, "argon2id, encoded"),
                      field("first_name", &Account::first_name, "", optional_field),
                      field("last_name", &Account::last_name, "", optional_field),
                      field("phone", &Account::phone, "", optional_field),
                      field("tenant", &Account::tenant, "Organisation", optional_field),
                      field("bio", &Account::bio, "", optional_field),
                      field("country", &Account::country, "", optional_field),
                      field("city", &Account::city, "", optional_field),
                      field("plan", &Account::plan, "", optional_field),
                      field("leaderboard", &Account::leaderboard, "Who sees it there", optional_field),
                      field("predictive", &Account::predictive, "Whether predictions may be made", optional_field),
                      field("roles", &Account::roles, ""),
                      field("keys", &Account::keys, "Ids of its API keys", optional_field),
                      field("reset_proof", &Account::reset_proof, "", optional_field),
                      field("verify_proof", &Account::verify_proof, "", optional_field),
                      field("active", &Account::active, "May sign in", optional_field),
                      field("verified", &Account::verified, "The address is theirs", optional_field),
                      field("version", &Account::version, "Of its sessions", optional_field),
                      field("credits", &Account::credits, "What is left", optional_field),
                      field("created_at", &Account::created_at, ""),
                      field("updated_at", &Account::updated_at, "", optional_field)};
  }
};

struct ApiKey {
  std::string id, name, prefix, hash, account, tenant, rate_class = "standard";
  int64_t account_number = 0;
  std::vector<std::string> roles, scopes;
  std::optional<Timestamp> expires_at;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &ApiKey::id, "16 hexadecimal digits"),
                      field("name", &ApiKey::name, ""),
                      field("prefix", &ApiKey::prefix, "The first characters of the key"),
                      field("hash", &ApiKey::hash, "SHA-256 of the key, hexadecimal"),
                      field("account", &ApiKey::account, "UUID of whose it is; empty: of the platform", optional_field),
                      field("account_number", &ApiKey::account_number, "", optional_field),
                      field("tenant", &ApiKey::tenant, "", optional_field),
                      field("rate_class", &ApiKey::rate_class, ""),
                      field("roles", &ApiKey::roles, ""),
                      field("scopes", &ApiKey::scopes, ""),
                      field("expires_at", &ApiKey::expires_at, ""),
                      field("created_at", &ApiKey::created_at, "")};
  }
};

// A session of a person: a family of refresh tokens, of which only the one of the present generation is good.
struct Session {
  std::string id;  // 16 hexadecimal digits
  int64_t generation = 0;
  Timestamp created_at, expires_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &Session::id, ""), field("generation", &Session::generation, ""),
                      field("created_at", &Session::created_at, ""), field("expires_at", &Session::expires_at, "")};
  }
};

struct SessionList {
  std::vector<Session> open;
  std::vector<Timestamp> ended;  // until when the tokens of sessions that ended would have held
  static constexpr auto shape() {
    return std::tuple{field("open", &SessionList::open, ""), field("ended", &SessionList::ended, "")};
  }
};

// A token that was mailed, good once.
struct Proof {
  std::string account, purpose;  // reset_password, verify_account
  int64_t version = 0;           // of the account's sessions when it was made
  Timestamp expires_at;
  static constexpr auto shape() {
    return std::tuple{field("account", &Proof::account, ""), field("purpose", &Proof::purpose, ""),
                      field("version", &Proof::version, ""), field("expires_at", &Proof::expires_at, "")};
  }
};

struct IdentityCounters {
  int64_t accounts = 0;  // numbers given so far
  int64_t stores = 0;    // that there are
  int64_t keyed_answers = 0;  // as well
  int64_t token_key = 1, token_key_oldest = 1;
  Timestamp token_key_since;
  static constexpr auto shape() {
    return std::tuple{field("accounts", &IdentityCounters::accounts, "", optional_field),
                      field("stores", &IdentityCounters::stores, "", optional_field),
                      field("keyed_answers", &IdentityCounters::keyed_answers, "", optional_field),
                      field("token_key", &IdentityCounters::token_key, "", optional_field),
                      field("token_key_oldest", &IdentityCounters::token_key_oldest, "", optional_field),
                      field("token_key_since", &IdentityCounters::token_key_since, "", optional_field)};
  }
};

// A store. Its id is the tenant of those who belong to it.
struct Store {
  std::string id, name, domain, currency, timezone;
  bool active = true;
  RawJson settings{"{}"};
  int64_t version = 1;  // grows with every change
  Timestamp created_at, updated_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &Store::id, "Of the store, and the tenant of who belongs to it"),
                      field("name", &Store::name, "What it is called"),
                      field("domain", &Store::domain, "Where it is found", optional_field),
                      field("currency", &Store::currency, "Of its prices, ISO 4217", optional_field),
                      field("timezone", &Store::timezone, "Where it is", optional_field),
                      field("is_active", &Store::active, "Whether it sells", optional_field),
                      field("settings", &Store::settings, "What it has set, a JSON object", optional_field),
                      field("version", &Store::version, "Grows with every change", optional_field),
                      field("created_at", &Store::created_at, "Since when it is"),
                      field("updated_at", &Store::updated_at, "When it was changed last")};
  }
};

// The document `key` of `table` as a T; nothing where there is none. One that does not read is our own mistake.
template <class T>
std::optional<T> load(const Documents& documents, uint8_t table, std::string_view key) {
  auto text = documents.find(table, key);
  if (!text) return std::nullopt;
  auto value = from_json<T>(*text);
  CHECK(value.ok());
  return std::move(*value);
}

inline IdentityCounters counters_of(const Documents& documents) {
  return load<IdentityCounters>(documents, tables::identity_counters, "all").value_or(IdentityCounters{});
}

}  // namespace headrace
