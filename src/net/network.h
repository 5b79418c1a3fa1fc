// Network: addresses and CIDR blocks of them, IPv4 as ::ffff:0:0/96 of IPv6.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace headrace {

struct Network {
  in6_addr address{};
  unsigned bits = 128;

  bool contains(const in6_addr& one) const;
};

// "1.2.3.4" or "2001:db8::1", nothing else.
std::optional<in6_addr> address_of(std::string_view text);
// Of AF_INET and AF_INET6.
std::optional<in6_addr> address_of(const sockaddr& peer);
// As a peer is written: IPv4 with dots.
std::string text_of(const in6_addr& address);
// An address, or a block as "10.0.0.0/8".
std::optional<Network> network_of(std::string_view text);

// Could anybody on the internet have that address? Not so those for private, local, shared, documentation, benchmark and future use,
// multicast, and what is tunnelled to one of them: the special-purpose registries of IANA (RFC 6890, as of 2025), of IPv6 but global
// unicast.
bool is_global(const in6_addr& address);

}  // namespace headrace
