// Outgoing: HTTP calls to URLs that somebody else has named. They reach only addresses of the open internet, and those of networks
// that the configuration allows: what a name resolves to is checked where the socket is made, so the address that was checked is the
// one that is called, whatever a resolver says the next time.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/net/network.h"

namespace headrace {

// Immutable once made; any thread.
class OutgoingRules {
 public:
  OutgoingRules() = default;  // the open internet
  // `networks`: addresses and CIDR blocks with commas that may be called, too. Errors: bad_configuration.
  static Result<OutgoingRules> of(std::string_view networks);
  bool allow(const in6_addr& address) const;

 private:
  std::vector<Network> allowed_;
};

struct OutgoingCall {
  std::string url;  // http:// or https://, without user information
  std::string content_type = "application/json", body = {};  // a POST; a GET where both are empty
  std::vector<std::string> headers = {};                     // "Name: value"
};

struct OutgoingAnswer {
  int status = 0;
  std::string address;  // that answered
  std::string body;     // at most limits::outgoing_answer_bytes_max: more is an error
};

// For a worker thread: waits at most limits::outgoing_timeout_us, and little longer than until `stopping`. Redirects are answers, not
// followed; certificates are verified; no proxy, cookies or .netrc.
// Errors: call_refused with the reason, its field "url" where the URL is.
Result<OutgoingAnswer> call_out(const OutgoingRules& rules, const OutgoingCall& call, const std::atomic<bool>& stopping);

}  // namespace headrace
