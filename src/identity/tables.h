// Numbers of the document tables that identity and settings own. A number is part of the log format: it never changes its meaning.
// All stand in the control partition.
#pragma once

#include <cstdint>

namespace headrace::tables {

inline constexpr uint8_t admin_keys = 1;         // id -> SHA-256 of the key
inline constexpr uint8_t accounts = 10;          // UUID -> Account
inline constexpr uint8_t usernames = 11;         // in lower case -> UUID
inline constexpr uint8_t emails = 12;            // in lower case -> UUID
inline constexpr uint8_t account_numbers = 13;   // decimal -> UUID
inline constexpr uint8_t session_versions = 14;  // number of an account, decimal -> version; 1 where there is none
inline constexpr uint8_t sessions = 15;          // UUID of the account -> SessionList
inline constexpr uint8_t ended_sessions = 16;    // time until which it matters, session; each 16 hex digits -> nothing
inline constexpr uint8_t api_keys = 17;          // id -> ApiKey
inline constexpr uint8_t key_uses = 18;          // id -> time of the last use, decimal
inline constexpr uint8_t proofs = 19;            // SHA-256 of a token that was mailed, hex -> Proof
inline constexpr uint8_t identity_counters = 20;  // "all" -> IdentityCounters
inline constexpr uint8_t stores = 21;             // id, which is its tenant's -> Store
inline constexpr uint8_t configuration = 22;      // global, service/<name>, store/<id> -> ConfigDocument (src/settings)
inline constexpr uint8_t flags = 23;              // key -> Flag (src/settings)
inline constexpr uint8_t keyed_answers = 24;      // HMAC of who asked and the Idempotency-Key -> KeyedAnswer
inline constexpr uint8_t keyed_answer_times = 25;  // time until which it is kept, 16 hex digits, and that HMAC -> nothing
inline constexpr uint8_t credit_grants = 26;  // UUID of the account -> CreditGrants

}  // namespace headrace::tables
