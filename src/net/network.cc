// Reading addresses, and the blocks that are nobody's on the internet.
#include "src/net/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr std::string_view special_blocks[] = {
    "0.0.0.0/8",        // this network
    "10.0.0.0/8",       // private
    "100.64.0.0/10",    // shared with a carrier
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local; metadata of clouds
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // protocol assignments
    "192.0.2.0/24",     // documentation
    "192.88.99.0/24",   // relays of 6to4
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // benchmarks
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "224.0.0.0/4",      // multicast
    "240.0.0.0/4",      // future use, broadcast
    "2001::/23",        // protocol assignments, Teredo among them
    "2001:db8::/32",    // documentation
    "2002::/16",        // 6to4: an IPv4 address in it
    "3fff::/20",        // documentation
};

in6_addr mapped(const in_addr& four) {
  in6_addr out{};
  out.s6_addr[10] = out.s6_addr[11] = 0xff;
  std::memcpy(out.s6_addr + 12, &four, 4);
  return out;
}

Network known(std::string_view text) {
  auto network = network_of(text);
  CHECK(network.has_value());
  return *network;
}

std::vector<Network> all_special() {
  std::vector<Network> out;
  std::ranges::transform(special_blocks, std::back_inserter(out), known);
  return out;
}

}  // namespace

bool Network::contains(const in6_addr& one) const {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (std::memcmp(one.s6_addr, address.s6_addr, whole) != 0) return false;
  return rest == 0 || ((one.s6_addr[whole] ^ address.s6_addr[whole]) >> (8 - rest)) == 0;
}

std::optional<in6_addr> address_of(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer) return std::nullopt;
  buffer[text.copy(buffer, text.size())] = 0;
  in_addr four;
  if (inet_pton(AF_INET, buffer, &four) == 1) return mapped(four);
  in6_addr out;
  if (inet_pton(AF_INET6, buffer, &out) != 1) return std::nullopt;
  return out;
}

std::optional<in6_addr> address_of(const sockaddr& peer) {
  if (peer.sa_family == AF_INET6) return reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  if (peer.sa_family == AF_INET) return mapped(reinterpret_cast<const sockaddr_in&>(peer).sin_addr);
  return std::nullopt;
}

std::string text_of(const in6_addr& address) {
  char buffer[INET6_ADDRSTRLEN];
  const bool four = IN6_IS_ADDR_V4MAPPED(&address);
  return inet_ntop(four ? AF_INET : AF_INET6, address.s6_addr + (four ? 12 : 0), buffer, sizeof buffer);
}

std::optional<Network> network_of(std::string_view text) {
  const size_t slash = text.find('/');
  auto address = address_of(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network out{*address, 128};
  if (slash == text.npos) return out;
  std::string_view digits = text.substr(slash + 1);
  auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out.bits);
  if (wrong != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (out.bits > 128) return std::nullopt;
  if (text.find(':') == text.npos) out.bits += 96;
  return out.bits <= 128 ? std::optional(out) : std::nullopt;
}

bool is_global(const in6_addr& address) {
  static const Network ipv4 = known("::ffff:0:0/96"), unicast = known("2000::/3"), translated = known("64:ff9b::/96");
  static const std::vector<Network> special = all_special();
  if (translated.contains(address)) {  // NAT64 leads to the IPv4 address in it
    in6_addr inner = ipv4.address;
    std::memcpy(inner.s6_addr + 12, address.s6_addr + 12, 4);
    return is_global(inner);
  }
  if (!ipv4.contains(address) && !unicast.contains(address)) return false;
  return std::ranges::none_of(special, [&](const Network& block) { return block.contains(address); });
}

}  // namespace headrace
