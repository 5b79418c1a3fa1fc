// Addresses, blocks of them, and the two fields that proxies write.
#include "src/net/trusted_proxies.h"

#include <algorithm>

#include "src/net/text.h"

namespace headrace {
namespace {

// "1.2.3.4", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]:80", any of them in quotes.
std::string_view without_port(std::string_view node) {
  if (node.size() >= 2 && node.front() == '"' && node.back() == '"') node = node.substr(1, node.size() - 2);
  if (node.starts_with('[')) return node.substr(1, node.find(']') - 1);
  const size_t colon = node.find(':');
  return colon == node.rfind(':') ? node.substr(0, colon) : node;
}

// The "for" of an element of Forwarded; empty where it has none.
std::string_view for_of(std::string_view element) {
  while (!element.empty()) {
    const size_t end = element.find(';');
    std::string_view pair = trimmed(element.substr(0, end));
    if (starts_with_any_case(pair, "for=")) return pair.substr(4);
    if (end == element.npos) break;
    element.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

Result<TrustedProxies> TrustedProxies::of(std::string_view networks, std::string_view field) {
  TrustedProxies out;
  std::string wrong;
  out.standard_ = field == "Forwarded";
  for_each_token(networks, [&](std::string_view token) {
    if (token == "unix") {
      out.unix_ = true;
    } else if (auto network = network_of(token)) {
      out.networks_.push_back(*network);
    } else {
      wrong = token;
    }
  });
  if (!wrong.empty()) return Problem{Error::bad_configuration, "trusted_proxies", wrong + " is neither an address nor a block like 10.0.0.0/8"};
  return out;
}

bool TrustedProxies::trusts(std::string_view peer) const {
  if (peer == "unix") return unix_;
  auto address = address_of(peer);
  return address && std::ranges::any_of(networks_, [&](const Network& network) { return network.contains(*address); });
}

PeerText TrustedProxies::client_of(const Request& request) const {
  PeerText client;
  client.assign(request.peer);
  if (none() || !trusts(request.peer)) return client;
  const std::string_view name = standard_ ? "forwarded" : "x-forwarded-for";
  for (size_t i = request.headers.size(); i-- > 0;) {
    const Header header = request.headers[i];
    if (!equal_any_case(header.name, name)) continue;
    for (std::string_view rest = header.value; !rest.empty();) {
      const size_t comma = rest.rfind(',');
      std::string_view entry = trimmed(comma == rest.npos ? rest : rest.substr(comma + 1));
      auto address = address_of(without_port(standard_ ? for_of(entry) : entry));
      if (!address) return client;  // "unknown", or nonsense: as far as anybody knows
      client.assign(text_of(*address));
      if (!trusts(client.view()) || comma == rest.npos) break;
      rest = rest.substr(0, comma);
    }
    if (!trusts(client.view())) return client;
  }
  return client;
}

}  // namespace headrace
