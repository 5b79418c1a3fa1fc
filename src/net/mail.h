// Mail: one message to one address through an SMTP server, by libcurl.
#pragma once

#include <atomic>
#include <string>

#include "src/base/result.h"

namespace headrace {

struct MailServer {
  std::string url;  // smtp://host:port, or smtps://; empty: no mail is sent
  std::string from;
  std::string user = {}, password = {};  // empty: without signing in; else TLS is required
};

struct Mail {
  std::string to, subject, text;  // plain text, UTF-8
};

// For a worker thread: waits for the server, at most limits::mail_timeout_us, and little longer than until `stopping`.
// Error::mail_refused with the reason.
Result<> send_mail(const MailServer& server, const Mail& mail, const std::atomic<bool>& stopping);

}  // namespace headrace
