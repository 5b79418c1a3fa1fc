// From the text of a credential to its caller.
#include "src/identity/credentials.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "src/base/limits.h"

namespace headrace {
namespace {

static_assert((limits::verified_credentials & (limits::verified_credentials - 1)) == 0);

Problem refused(std::string why) { return {Error::authentication_required, std::move(why)}; }

constexpr size_t ended_sweep_min = 1024;
constexpr Rate refusal_rate{2'000, second_us};

constexpr std::string_view key_invalid = "The API key is not valid";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    if (!word.empty()) out.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

uint64_t id_of(std::string_view hex) {
  uint64_t id = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), id, 16);
  return id;
}

}  // namespace

size_t Credentials::HashOfHash::operator()(const KeyHash& hash) const {
  size_t out;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

Credentials::Credentials(const TokenSettings& settings)
    : settings_(settings), verified_(limits::verified_credentials), refusals_(limits::refusal_limit_slots) {
  set_token_keys({});
}

Result<const Caller*> Credentials::identify(std::string_view credential, std::string_view peer, Micros now) {
  Digest seen = hash128(credential);
  Verified& place = verified_[seen.low & (limits::verified_credentials - 1)];
  if (place.digest.low != seen.low || place.digest.high != seen.high || !holds(place, now)) {
    Result<Verified> found = verify(credential, peer, now);
    if (!found.ok()) return found.problem();
    place = *found;
    place.digest = seen;
  }
  if (place.slot != no_slot) {
    KeySlot& slot = slots_[place.slot];
    if (slot.last_used == slot.last_taken) used_.push_back(place.slot);
    slot.last_used = std::max(now, slot.last_taken + 1);
  }
  return &place.caller;
}

// Checking a signature takes a hundred microseconds: who shows bad ones faster than that has to wait, while good ones that
// were seen before pass. Behind a proxy an address is many clients, so the rate is high and is whole again in a second.
Result<Credentials::Verified> Credentials::verify(std::string_view credential, std::string_view peer, Micros now) {
  if (!looks_like_token(credential)) return by_key(credential, now);
  uint64_t address = refusals_.key_of("bad tokens", peer);
  if (refusals_.look(address, refusal_rate, now).remaining == 0) {
    Problem problem(Error::rate_limit_exceeded, "Too many tokens that are not valid");
    problem.retry_after_s = 1;
    return problem;
  }
  Result<Verified> found = by_token(credential, now);
  if (!found.ok()) refusals_.take(address, refusal_rate, now);
  return found;
}

bool Credentials::holds(const Verified& verified, Micros now) const {
  if (verified.slot != no_slot && slots_[verified.slot].generation != verified.generation) return false;
  return is_alive(verified.caller, now);
}

bool Credentials::is_alive(const Caller& caller, Micros now) const {
  if (now >= caller.expires) return false;
  if (caller.version != 0 && version_of(caller.account_number) != caller.version) return false;
  return caller.session == 0 || !ended_.contains(caller.session);
}

bool Credentials::still_holds(const Caller& caller, Micros now) const {
  if (!is_alive(caller, now)) return false;
  if (caller.key_id == 0) return true;
  const KeyEntry* its = key(caller.key_id);
  return its != nullptr && now < its->expires && caller.roles.within(its->caller.roles) &&
         caller.scopes.within(its->caller.scopes);
}

Credentials::Verified Credentials::of_slot(uint32_t index) const {
  const KeySlot& slot = slots_[index];
  Verified out{.digest = {}, .caller = slot.entry.caller, .slot = index, .generation = slot.generation};
  out.caller.expires = slot.entry.expires;
  return out;
}

Result<Credentials::Verified> Credentials::by_key(std::string_view credential, Micros now) const {
  auto found = by_hash_.find(hash_of_key(credential));
  if (found == by_hash_.end()) return refused(std::string(key_invalid));
  const KeySlot& slot = slots_[found->second];
  if (now >= slot.entry.expires) return refused("The API key has expired");
  return of_slot(found->second);
}

Result<Credentials::Verified> Credentials::by_token(std::string_view credential, Micros now) const {
  auto claims = read_token(credential, token_keys_, {settings_.issuer, settings_.audience, now});
  if (!claims.ok()) return claims.problem();
  Result<Verified> out = claims->user_id > 0 ? of_person(*claims) : of_service(*claims, now);
  if (out.ok()) out->caller.expires = std::min(out->caller.expires, claims->exp * second_us);
  return out;
}

Result<Credentials::Verified> Credentials::of_person(const TokenClaims& claims) const {
  std::string wrong;
  auto roles = parse_roles(claims.roles, wrong);
  uint64_t number = static_cast<uint64_t>(claims.user_id), session = id_of(claims.sid);
  if (!roles || claims.ver <= 0 || version_of(number) != static_cast<uint64_t>(claims.ver) || ended_.contains(session))
    return refused("The session of the token has ended");
  Verified out;
  out.caller.version = static_cast<uint32_t>(claims.ver);
  out.caller.kind = CredentialKind::user_token;
  out.caller.roles = *roles, out.caller.scopes = all_scopes;
  out.caller.account_number = number, out.caller.session = session;
  out.caller.account.assign(claims.sub), out.caller.tenant.assign(claims.tenant);
  return out;
}

// It may do what both the token and the key permit.
Result<Credentials::Verified> Credentials::of_service(const TokenClaims& claims, Micros now) const {
  auto found = by_id_.find(id_of(claims.sid));
  if (found == by_id_.end()) return refused("The key of the token was revoked");
  const KeySlot& slot = slots_[found->second];
  std::string wrong;
  auto scopes = parse_scopes(words_of(claims.scope), wrong);
  if (!scopes || now >= slot.entry.expires) return refused("The key of the token has expired");
  Verified out = of_slot(found->second);
  out.caller.kind = CredentialKind::service_token;
  out.caller.scopes = out.caller.scopes.both(*scopes);
  return out;
}

const KeyEntry* Credentials::key(uint64_t id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &slots_[found->second].entry;
}

Result<const KeyEntry*> Credentials::client(std::string_view secret, std::string_view peer, Micros now) {
  Result<Verified> found = verify(secret, peer, now);
  if (!found.ok()) return found.problem();
  if (found->caller.kind != CredentialKind::api_key || found->caller.key_id == admin_key_id)
    return refused(std::string(key_invalid));
  return &slots_[found->slot].entry;
}

uint32_t Credentials::version_of(uint64_t account) const {
  return account < versions_.size() ? versions_[account] : 0;
}

void Credentials::update(const CredentialUpdate& update) {
  using What = CredentialUpdate::Kind;
  switch (update.kind) {
    case What::put_key:
      return put_key(update.key);
    case What::drop_key:
      return drop_key(update.id);
    case What::set_version:
      return set_version(update.id, update.version);
    case What::end_session:
      return end_session(update.id, update.until);
    case What::set_token_keys:
      return set_token_keys(update.token_keys);
  }
}

void Credentials::put_key(const KeyEntry& entry) {
  uint64_t id = entry.caller.key_id;
  uint32_t index = 0;
  if (auto known = by_id_.find(id); known != by_id_.end()) {
    index = known->second;
    by_hash_.erase(slots_[index].entry.hash);
  } else if (!free_slots_.empty()) {
    index = free_slots_.back();
    free_slots_.pop_back();
  } else {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  slots_[index].entry = entry;
  ++slots_[index].generation;
  by_hash_[entry.hash] = by_id_[id] = index;
}

void Credentials::drop_key(uint64_t id) {
  auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  KeySlot& slot = slots_[known->second];
  by_hash_.erase(slot.entry.hash);
  std::erase(used_, known->second);
  slot.entry = {};
  slot.last_used = slot.last_taken = 0;
  ++slot.generation;
  free_slots_.push_back(known->second);
  by_id_.erase(known);
}

void Credentials::set_version(uint64_t account, uint32_t version) {
  CHECK(account <= limits::accounts_max);
  if (account >= versions_.size()) versions_.resize(account + 1);
  versions_[account] = version;
}

// Those whose tokens have expired go now and then. `until` is of now and a token's lifetime, or earlier.
void Credentials::end_session(uint64_t session, Micros until) {
  ended_[session] = until;
  if (ended_.size() < sweep_at_) return;
  std::erase_if(ended_, [&](const auto& one) { return one.second < until - limits::token_lifetime_max_us; });
  sweep_at_ = std::max(ended_sweep_min, 2 * ended_.size());
}

void Credentials::set_token_keys(const TokenKeyRange& range) {
  token_keys_.clear();
  for (uint64_t number = range.oldest; number <= range.current; ++number)
    token_keys_.emplace_back(settings_.root, settings_.algorithm, number);
}

std::vector<uint64_t> Credentials::key_ids() const {
  std::vector<uint64_t> out;
  for (auto& [id, slot] : by_id_) out.push_back(id);
  return out;
}

std::vector<KeyUse> Credentials::uses(size_t count) const {
  std::vector<KeyUse> out;
  for (size_t i = used_.size(); i-- > 0 && out.size() < count;) {
    const KeySlot& slot = slots_[used_[i]];
    if (slot.entry.caller.key_id != admin_key_id) out.push_back({slot.entry.caller.key_id, slot.last_used});
  }
  return out;
}

std::vector<KeyUse> Credentials::take_uses(size_t count) {
  std::vector<KeyUse> out = uses(count);
  for (size_t taken = 0; taken < count && !used_.empty(); ++taken) {
    KeySlot& slot = slots_[used_.back()];
    slot.last_taken = slot.last_used;
    used_.pop_back();
  }
  return out;
}

}  // namespace headrace
