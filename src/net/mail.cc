// The message in the form of RFC 5322; libcurl speaks SMTP (RFC 5321) and stuffs its dots.
#include "src/net/mail.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "src/base/limits.h"
#include "src/base/random.h"
#include "src/net/curl_call.h"
#include "src/net/text.h"

namespace headrace {
namespace {

std::string date_text() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts)};
}

std::string message_of(const MailServer& server, const Mail& mail) {
  std::string out = fmt::format(
      "Date: {}\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@headrace>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n",
      date_text(), server.from, mail.to, mail.subject, std::string_view(make_uuid(thread_random())));
  for (char c : mail.text) c == '\n' ? void(out += "\r\n") : void(out += c);
  return out;
}

struct Reading {
  std::string_view rest;
};

size_t read_some(char* out, size_t size, size_t count, void* from) {
  auto& reading = *static_cast<Reading*>(from);
  size_t taken = reading.rest.copy(out, size * count);
  reading.rest.remove_prefix(taken);
  return taken;
}

void sign_in(CURL* curl, const MailServer& server) {
  curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
}

}  // namespace

Result<> send_mail(const MailServer& server, const Mail& mail, const std::atomic<bool>& stopping) {
  if (has_line_end(mail.to) || has_line_end(mail.subject) || mail.text.size() > limits::mail_bytes_max)
    return Problem{Error::mail_refused, "The address or subject has line ends, or the text is too long"};
  CurlHandle curl = make_curl();
  end_when(curl.get(), stopping);
  CurlList to(curl_slist_append(nullptr, mail.to.c_str()), curl_slist_free_all);
  std::string message = message_of(server, mail);
  Reading reading{message};
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, server.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl.get(), CURLOPT_USE_SSL, static_cast<long>(server.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_FROM, server.from.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, read_some);
  curl_easy_setopt(curl.get(), CURLOPT_READDATA, &reading);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limits::mail_timeout_us / 1000));
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  if (!server.user.empty()) sign_in(curl.get(), server);
  CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return Done{};
  return Problem{Error::mail_refused, *reason ? reason : curl_easy_strerror(code)};
}

}  // namespace headrace
