// libcurl with a socket function that looks where it is about to connect.
#include "src/net/outgoing.h"

#include <algorithm>
#include <memory>

#include "src/base/limits.h"
#include "src/base/version.h"
#include "src/net/curl_call.h"
#include "src/net/text.h"

namespace headrace {
namespace {

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// What one call knows while libcurl calls back.
struct Attempt {
  const OutgoingRules& rules;
  std::string refused = {};  // the address that may not be called
  size_t header_bytes = 0;
  OutgoingAnswer answer = {};
};

curl_socket_t open_socket(void* data, curlsocktype, curl_sockaddr* where) {
  auto& attempt = *static_cast<Attempt*>(data);
  auto address = address_of(where->addr);
  if (!address || !attempt.rules.allow(*address)) {
    attempt.refused = address ? text_of(*address) : "that address";
    return CURL_SOCKET_BAD;
  }
  return ::socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

size_t take_body(char* from, size_t size, size_t count, void* data) {
  auto& attempt = *static_cast<Attempt*>(data);
  if (attempt.answer.body.size() + size * count > limits::outgoing_answer_bytes_max) return 0;
  attempt.answer.body.append(from, size * count);
  return size * count;
}

size_t take_header(char*, size_t size, size_t count, void* data) {
  auto& attempt = *static_cast<Attempt*>(data);
  attempt.header_bytes += size * count;
  return attempt.header_bytes > limits::outgoing_answer_bytes_max ? 0 : size * count;
}

Problem bad_url(std::string rule) { return {Error::call_refused, "url", std::move(rule)}; }

// What libcurl would forgive, another reader of the same URL may read otherwise.
Result<ParsedUrl> parse_url(const std::string& text) {
  if (text.size() > limits::outgoing_url_bytes_max) return bad_url("is too long");
  if (!starts_with_any_case(text, "http://") && !starts_with_any_case(text, "https://"))
    return bad_url("must begin with http:// or https://");
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c >= 127 || c == '\\'; }))
    return bad_url("may hold no blanks, control characters, backslashes or bytes beyond ASCII");
  ParsedUrl url(curl_url(), curl_url_cleanup);
  CHECK(url != nullptr);
  if (CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER); code != CURLUE_OK)
    return bad_url(code == CURLUE_USER_NOT_ALLOWED ? "may name no user" : curl_url_strerror(code));
  return url;
}

void set_limits(CURL* curl, Attempt& attempt) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limits::outgoing_timeout_us / 1000));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits::outgoing_connect_timeout_us / 1000));
}

CurlList headers_of(const OutgoingCall& call) {
  CurlList list(nullptr, curl_slist_free_all);
  auto add = [&](const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); };
  if (!call.body.empty()) add("Content-Type: " + call.content_type);
  for (const std::string& line : call.headers) add(line);
  return list;
}

Problem refusal(const Attempt& attempt, CURLcode code, const char* reason) {
  if (!attempt.refused.empty()) return bad_url(attempt.refused + " is no address of the open internet, nor allowed by outgoing.allow");
  if (code == CURLE_WRITE_ERROR)
    return {Error::call_refused, "The answer is longer than " + std::to_string(limits::outgoing_answer_bytes_max) + " bytes"};
  return {Error::call_refused, *reason ? reason : curl_easy_strerror(code)};
}

}  // namespace

Result<OutgoingRules> OutgoingRules::of(std::string_view networks) {
  OutgoingRules out;
  std::string wrong;
  for_each_token(networks, [&](std::string_view token) {
    auto network = network_of(token);
    network ? out.allowed_.push_back(*network) : void(wrong = token);
  });
  if (wrong.empty()) return out;
  return Problem{Error::bad_configuration, "outgoing.allow", wrong + " is neither an address nor a block like 10.0.0.0/8"};
}

bool OutgoingRules::allow(const in6_addr& address) const {
  return is_global(address) || std::ranges::any_of(allowed_, [&](const Network& one) { return one.contains(address); });
}

Result<OutgoingAnswer> call_out(const OutgoingRules& rules, const OutgoingCall& call, const std::atomic<bool>& stopping) {
  auto url = parse_url(call.url);
  if (!url.ok()) return url.problem();
  if (has_line_end(call.content_type) || std::ranges::any_of(call.headers, has_line_end) ||
      call.body.size() > limits::outgoing_body_bytes_max)
    return Problem{Error::call_refused, "A header field has line ends, or the body is too long"};
  CurlHandle curl = make_curl();
  end_when(curl.get(), stopping);
  CurlList headers = headers_of(call);
  Attempt attempt{.rules = rules};
  char reason[CURL_ERROR_SIZE] = "";
  set_limits(curl.get(), attempt);
  curl_easy_setopt(curl.get(), CURLOPT_CURLU, url->get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, ("headrace/" + std::string(version)).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (!call.body.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, call.body.data());
  }
  if (CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) return refusal(attempt, code, reason);
  long status = 0;
  char* address = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl.get(), CURLINFO_PRIMARY_IP, &address);
  attempt.answer.status = static_cast<int>(status);
  attempt.answer.address = address ? address : "";
  return std::move(attempt.answer);
}

}  // namespace headrace
