// TrustedProxies: whose word counts for where a request comes from. Nobody's, unless the configuration names them.
//
// A proxy appends the address it was called from to a field of the request. Read from the right, each entry was written by
// the one before it: the first that is no trusted proxy is the client. What stands left of it is only the client's claim.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/base/short_text.h"
#include "src/net/http.h"
#include "src/net/network.h"

namespace headrace {

using PeerText = ShortText<48>;

// Immutable once made; any thread.
class TrustedProxies {
 public:
  TrustedProxies() = default;  // none
  // `networks`: addresses and CIDR blocks with commas, as "10.0.0.0/8, ::1"; "unix": whoever calls by a Unix socket.
  // `field`: "X-Forwarded-For" or "Forwarded" (RFC 7239), the one that they set. Errors: bad_configuration.
  static Result<TrustedProxies> of(std::string_view networks, std::string_view field);

  bool none() const { return networks_.empty() && !unix_; }
  // The address of the client; the peer's own where nobody trusted says more.
  PeerText client_of(const Request& request) const;

 private:
  bool trusts(std::string_view address) const;

  std::vector<Network> networks_;
  bool unix_ = false, standard_ = false;  // standard: Forwarded
};

}  // namespace headrace
