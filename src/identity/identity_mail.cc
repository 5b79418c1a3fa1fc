// What identity mails: tokens by which a password is set anew or an address is verified.
#include <fmt/format.h>

#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/identity/identity.h"
#include "storage/checked_lines.h"

namespace headrace {
namespace {

// On the worker. A server that is busy is asked again.
Result<> send_with_patience(const MailServer* server, Mail mail, const std::atomic<bool>* stopping) {
  Result<> done = Error::mail_refused;
  for (int attempt = 0; attempt < limits::mail_attempts && !done.ok() && !*stopping; ++attempt)
    done = send_mail(*server, mail, *stopping);
  return done;
}

std::string hash_text(const std::string& token) {
  KeyHash hash = hash_of_key(token);
  return hexadecimal({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace

void Identity::send_reset(std::string email) {
  if (!sends_mail()) return;
  (void)loop().post([this, email = std::move(email)] { begin_reset(this, email); });
}

void Identity::begin_reset(Identity* self, std::string email) { spawn(self->reset(std::move(email))); }

Task<void> Identity::reset(std::string email) {
  std::string token = make_secret();
  BeginProof want{std::move(email), hash_text(token), std::string(reset_purpose)};
  Result<Account> account = co_await change(decide_begin_proof, std::move(want));
  if (!account.ok()) co_return;
  Mail mail{account->email, "Your password",
            fmt::format("Hello {},\n\nsomebody, probably you, wants to set a new password. This is good once, for an "
                        "hour:\n\n{}{}\n\nIf it was not you, nothing needs to be done.\n",
                        account->username, rules_.mail_link, token)};
  co_await deliver(std::move(mail));
}

void Identity::send_verification(const Account& account, const std::string& token) {
  if (!sends_mail()) return;
  Mail mail{account.email, "Your address",
            fmt::format("Hello {},\n\nthis token verifies your address for the account {}:\n\n{}\n", account.username,
                        account.id, token)};
  (void)loop().post([this, mail = std::move(mail)] { begin_mail(this, mail); });
}

void Identity::begin_mail(Identity* self, Mail mail) { spawn(self->deliver(std::move(mail))); }

Task<void> Identity::deliver(Mail mail) {
  auto pass = gate_.enter();
  if (!pass) co_return;
  Result<> sent = co_await offload(mails_, send_with_patience, &rules_.mail, std::move(mail), &stopping_);
  if (sent.ok()) co_return;
  std::string reason = sent.problem().text();  // the server's words; neither address nor token
  log_line(Level::warning, "mail_not_sent", {{"reason", std::string_view(reason)}});
}

}  // namespace headrace
