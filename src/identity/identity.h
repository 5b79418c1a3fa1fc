// Identity: accounts, keys, tokens and sessions of the whole process. Their documents live in the control partition, and
// every loop has a table of what it needs to know who calls.
//
// Operation: change() decides on the control loop, commits, waits until it is durable and until every loop has been
// told, then answers: a revoked key is void everywhere when its DELETE answers. look() reads. Passwords are hashed in a
// pool of their own. Lives on: the loop of the control partition, but for on(), passwords() and the templates, which
// any loop may call. Limits: limits.h, "Identity".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/events/shards.h"
#include "src/identity/identity_rules.h"
#include "src/identity/sealed.h"
#include "src/identity/sessions.h"
#include "src/runtime/ask.h"
#include "src/runtime/gate.h"
#include "src/runtime/offload.h"
#include "src/runtime/timer.h"

namespace headrace {

// Someone who wants to sign in, as far as it is known: `account` is empty where nobody has the name.
struct SignInSubject {
  std::string account, password_hash;
};

class Identity {
 public:
  Identity(Shards& shards, Loops& loops, IdentityRules rules, Clock& clock);

  // Before the loops run: what every loop knows to begin with.
  Result<> open(const std::vector<KeyHash>& admins);
  // On the control loop.
  void start();
  Task<void> stop();

  // Of the calling loop.
  Credentials& here() { return *credentials_[Loop::current()->index()]; }
  Credentials& on(size_t loop) { return *credentials_[loop]; }
  Offload& passwords() { return passwords_; }
  const RefreshSecret& refresh_secret() const { return refresh_secret_; }
  // Of names and seals of keyed answers (keyed_answers.h).
  const SealKey& answer_secret() const { return answer_secret_; }
  const TokenSettings& tokens() const { return settings_; }
  const IdentityRules& rules() const { return rules_; }
  Loop& loop() { return control().loop(); }
  bool sends_mail() const { return !rules_.mail.url.empty(); }

  // To be awaited at once, both. (No coroutines: g++ 14 fails on those that are templates over types without linkage.)
  // Any loop. `decide(documents, want, stamp, effects)` gives what is answered.
  template <class Out, class Want>
  auto change(Result<Out> (*decide)(const Documents&, const Want&, const Stamp&, Effects&), Want want) {
    return ask(loop(), change_here<Out, Want>, this, decide, std::move(want));
  }
  // Any loop. `read(documents, want)` gives what is answered.
  template <class Out, class Want>
  auto look(Result<Out> (*read)(const Documents&, const Want&), Want want) {
    return ask(loop(), look_here<Out, Want>, this, read, std::move(want));
  }

  // Any loop, before a password is hashed: whether this name and address may try now, and whom it would be.
  // Error::rate_limit_exceeded.
  Task<Result<SignInSubject>> admit(std::string name, std::string peer);
  // Any loop. Returns at once; whether the address is known shows in nothing.
  void send_reset(std::string email);
  void send_verification(const Account& account, const std::string& token);

  // Any loop: uses of keys that no document tells yet.
  Task<std::vector<KeyUse>> recent_uses();

  // On the control loop: documents are gone that no decision of ours took away (an erasure).
  Task<void> tell_gone();

  // On the control loop: another key signs from now on; tokens of the one before hold until they expire.
  static Result<IdentityCounters> decide_rotate(const Documents& documents, const Done& want, const Stamp& stamp,
                                                Effects& effects);

 private:
  template <class Out, class Want>
  static Task<Result<Out>> change_here(Identity* self,
                                       Result<Out> (*decide)(const Documents&, const Want&, const Stamp&, Effects&),
                                       Want want) {
    Effects effects;
    Result<Out> out = decide(self->documents(), want, self->stamp(), effects);
    Result<> done = co_await self->carry_out(std::move(effects));
    if (!done.ok()) co_return done.problem();
    co_return out;
  }
  template <class Out, class Want>
  static Result<Out> look_here(Identity* self, Result<Out> (*read)(const Documents&, const Want&), Want want) {
    return read(self->documents(), want);
  }

  Shard& control() { return shards_[0]; }
  const Documents& documents() { return control().partition().documents(); }
  Stamp stamp() { return {clock_.wall(), thread_random(), rules_.access_us, rules_.refresh_us, here().keys()}; }
  std::vector<CredentialUpdate> all_updates();
  std::vector<CredentialUpdate> gone_updates();
  Task<Result<>> carry_out(Effects effects);
  Task<void> publish(std::vector<CredentialUpdate> updates);
  Task<void> tell_loops();
  static Result<SignInSubject> admit_here(Identity* self, std::string name, std::string peer);
  static void begin_reset(Identity* self, std::string email);
  static void begin_mail(Identity* self, Mail mail);
  Task<void> reset(std::string email);
  Task<void> deliver(Mail mail);
  Task<void> write_uses();
  using UsesHere = std::vector<KeyUse> (*)(Credentials*);
  Task<std::vector<KeyUse>> gather_uses(UsesHere uses);

  Shards& shards_;
  Loops& loops_;
  Clock& clock_;
  const IdentityRules rules_;
  TokenSettings settings_;
  RefreshSecret refresh_secret_;
  SealKey answer_secret_;
  std::vector<KeyHash> admins_;
  std::vector<std::unique_ptr<Credentials>> credentials_;  // by loop
  Offload passwords_, mails_;
  RateLimiter login_limits_;
  std::vector<CredentialUpdate> untold_;
  uint64_t queued_ = 0;  // updates ever put into untold_
  Sequence told_;        // of them, to every loop
  bool telling_ = false;
  std::atomic<bool> stopping_ = false;
  Gate gate_;
  Timer timer_;
};

}  // namespace headrace
