// Binding, and the reservation of a port for all loops.
#include "src/net/socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/net/listener.h"

namespace headrace {
namespace {

Problem cannot_listen(const std::string& host, uint16_t port, const char* why) {
  return {Error::bad_configuration, "listen",
          "cannot listen on " + host + ":" + std::to_string(port) + ": " + why};
}

bool address_of(const std::string& host, uint16_t port, sockaddr_storage& out) {
  const char* text = host == "localhost" ? "127.0.0.1" : host.c_str();
  return uv_ip4_addr(text, port, reinterpret_cast<sockaddr_in*>(&out)) == 0 ||
         uv_ip6_addr(text, port, reinterpret_cast<sockaddr_in6*>(&out)) == 0;
}

}  // namespace

Result<int> bound_socket(const std::string& host, uint16_t port, bool share) {
  sockaddr_storage address = {};
  if (!address_of(host, port, address)) return cannot_listen(host, port, "not a numeric address");
  int socket = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return cannot_listen(host, port, std::strerror(errno));
  int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    Problem problem = cannot_listen(host, port, std::strerror(errno));
    ::close(socket);
    return problem;
  }
  return socket;
}

uint16_t port_of(int socket) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  CHECK(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  if (address.ss_family == AF_UNIX) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

bool is_unix(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  CHECK(::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0);
  return domain == AF_UNIX;
}

// With SO_REUSEPORT alone a second server would quietly take half of the connections: so first look who
// listens.
Result<PortReservation> PortReservation::take(const std::string& host, uint16_t port) {
  if (port != 0) {
    auto alone = bound_socket(host, port, false);
    if (!alone.ok()) return alone.problem();
    ::close(*alone);
  }
  auto shared = bound_socket(host, port, true);
  if (!shared.ok()) return shared.problem();
  return PortReservation(host, port_of(*shared), *shared);
}

PortReservation::PortReservation(std::string host, uint16_t port, int socket)
    : host_(std::move(host)), port_(port), socket_(socket) {}

PortReservation::PortReservation(PortReservation&& other) noexcept
    : host_(std::move(other.host_)), port_(other.port_), socket_(std::exchange(other.socket_, -1)) {}

PortReservation::~PortReservation() {
  if (socket_ >= 0) ::close(socket_);
}

}  // namespace headrace
