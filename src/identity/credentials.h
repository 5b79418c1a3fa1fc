// Credentials: what one loop knows of all credentials, so that no request waits for another loop to learn who calls.
//
// Operation: identify() per request; update() when something changed, on every loop before the change is answered
// (identity.h). A credential that was verified before is found by a hash of its text in a table of fixed size, and what may
// have ended it since (its key, the version of its account, its session, its expiry) is looked at each time. Lives on:
// its loop. Limits: limits::api_keys_max keys of 300 bytes, limits::accounts_max accounts of 4, of ended sessions
// limits::ended_sessions_kept per account, limits::verified_credentials of 300.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/checksum.h"
#include "src/base/result.h"
#include "src/identity/caller.h"
#include "src/identity/jwt.h"
#include "src/identity/keys.h"
#include "src/identity/rate_limit.h"

namespace headrace {

// An API key as loops know it. `caller.key_id` names it.
struct KeyEntry {
  KeyHash hash{};
  Caller caller;
  Micros expires = never_us;
};

// Which keys sign and verify tokens: `current` signs, those from `oldest` on verify.
struct TokenKeyRange {
  uint64_t oldest = 1, current = 1;
};

// Something that changed, as an absolute effect.
struct CredentialUpdate {
  enum class Kind : uint8_t { put_key, drop_key, set_version, end_session, set_token_keys };
  Kind kind;
  KeyEntry key = {};
  uint64_t id = 0;  // of the key to drop, the account or the session
  uint32_t version = 0;  // of the account; 0: there is none
  Micros until = 0;      // a session's last token has expired by then
  TokenKeyRange token_keys = {};
};

struct KeyUse {
  uint64_t id = 0;
  Micros at = 0;
};

// What is the same for the whole run.
struct TokenSettings {
  TokenRoot root{};
  TokenAlgorithm algorithm = TokenAlgorithm::eddsa;
  std::string issuer, audience;
};

class Credentials {
 public:
  explicit Credentials(const TokenSettings& settings);

  // Who shows `credential` from the address `peer`. Error::authentication_required with a sentence otherwise, and
  // Error::rate_limit_exceeded without a look at it where too many were bad. The caller is good until the next call.
  Result<const Caller*> identify(std::string_view credential, std::string_view peer, Micros now);

  // Whether what identify() said some time ago may still be relied on: nothing has ended or narrowed the credential.
  bool still_holds(const Caller& caller, Micros now) const;

  void update(const CredentialUpdate& update);

  // Keys used since they were last taken, each once, at most `count` of them; to look at, or to take.
  std::vector<KeyUse> uses(size_t count) const;
  std::vector<KeyUse> take_uses(size_t count);

  const TokenKey& signing_key() const { return token_keys_.back(); }
  const std::vector<TokenKey>& token_keys() const { return token_keys_; }
  const KeyEntry* key(uint64_t id) const;
  // The API key of this text: a client of OAuth. Errors as of identify().
  Result<const KeyEntry*> client(std::string_view secret, std::string_view peer, Micros now);
  size_t keys() const { return by_hash_.size(); }
  std::vector<uint64_t> key_ids() const;
  uint32_t version_of(uint64_t account) const;  // 0: there is none
  uint64_t last_account() const { return versions_.empty() ? 0 : versions_.size() - 1; }

 private:
  static constexpr uint32_t no_slot = UINT32_MAX;
  struct KeySlot {
    KeyEntry entry;
    uint32_t generation = 0;  // grows with every change of the slot
    Micros last_used = 0, last_taken = 0;
  };
  struct Verified {
    Digest digest{};  // of the credential's text; zeros: none
    Caller caller;
    uint32_t slot = no_slot, generation = 0;  // of the key
  };
  struct HashOfHash {
    size_t operator()(const KeyHash& hash) const;
  };

  Result<Verified> verify(std::string_view credential, std::string_view peer, Micros now);
  Verified of_slot(uint32_t index) const;
  Result<Verified> by_key(std::string_view credential, Micros now) const;
  Result<Verified> by_token(std::string_view credential, Micros now) const;
  Result<Verified> of_person(const TokenClaims& claims) const;
  Result<Verified> of_service(const TokenClaims& claims, Micros now) const;
  bool holds(const Verified& verified, Micros now) const;
  bool is_alive(const Caller& caller, Micros now) const;
  void put_key(const KeyEntry& entry);
  void drop_key(uint64_t id);
  void set_version(uint64_t account, uint32_t version);
  void end_session(uint64_t session, Micros until);
  void set_token_keys(const TokenKeyRange& range);

  const TokenSettings& settings_;
  std::vector<TokenKey> token_keys_;  // the last one signs
  std::vector<KeySlot> slots_;
  std::vector<uint32_t> free_slots_;
  std::unordered_map<KeyHash, uint32_t, HashOfHash> by_hash_;
  std::unordered_map<uint64_t, uint32_t> by_id_;
  std::vector<uint32_t> versions_;  // by number of the account
  std::unordered_map<uint64_t, Micros> ended_;  // sessions, and until when their tokens would hold
  size_t sweep_at_ = 0;
  std::vector<Verified> verified_;
  RateLimiter refusals_;        // bad credentials, by address
  std::vector<uint32_t> used_;  // slots whose use was not taken yet
};

}  // namespace headrace
