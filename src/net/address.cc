// Addresses as texts and as sockets.
#include "src/net/address.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/base/service_manager.h"
#include "src/net/socket.h"

namespace headrace {
namespace {

constexpr std::string_view path_scheme = "unix:", activated_scheme = "systemd:";

Problem bad(std::string why) { return {Error::bad_configuration, "listen", std::move(why)}; }

Problem cannot_listen(const Address& address, const std::string& why) {
  return bad("cannot listen on " + address.text() + ": " + why);
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host == "::1";
}

std::optional<uint16_t> number_in(std::string_view text) {
  uint16_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Address> parse_tcp(std::string_view text) {
  const size_t colon = text.rfind(':');
  auto port = colon == text.npos ? std::nullopt : number_in(text.substr(colon + 1));
  std::string_view host = text.substr(0, port ? colon : 0);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!port || host.empty()) return bad("must be HOST:PORT, unix:PATH or systemd:NAME");
  return Address{Address::Kind::tcp, std::string(host), *port};
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un out = {};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

// A socket that nobody listens on any more is left from a process that was killed.
Result<> remove_stale(const Address& address) {
  struct stat found = {};
  if (::lstat(address.name.c_str(), &found) != 0) return Done{};
  if (!S_ISSOCK(found.st_mode)) return cannot_listen(address, "there is a file of that name that is no socket");
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return cannot_listen(address, std::strerror(errno));
  const sockaddr_un to = unix_address(address.name);
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!refused) return cannot_listen(address, "another process listens there");
  if (::unlink(address.name.c_str()) != 0) return cannot_listen(address, std::strerror(errno));
  return Done{};
}

bool faces_the_world(int socket) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  CHECK(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  if (address.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr) >> 24) != 127;
  return address.ss_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<sockaddr_in6&>(address).sin6_addr);
}

bool is_stream_socket(int socket) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

bool Address::is_public() const { return kind == Kind::tcp && !is_loopback(name); }

std::string Address::text() const {
  if (kind == Kind::path) return std::string(path_scheme) + name;
  if (kind == Kind::activated) return std::string(activated_scheme) + name;
  return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with(path_scheme)) {
    Address out{Address::Kind::path, std::string(text.substr(path_scheme.size())), 0};
    if (out.name.empty() || out.name.size() >= sizeof(sockaddr_un::sun_path))
      return bad("the path of a Unix socket has 1 to 107 bytes");
    if (std::ranges::any_of(out.name, [](unsigned char c) { return c < ' ' || c == '"' || c == '\\'; }))
      return bad("the path of a Unix socket has no control characters, quotes and backslashes");
    return out;
  }
  if (text.starts_with(activated_scheme))
    return Address{Address::Kind::activated, std::string(text.substr(activated_scheme.size())), 0};
  return parse_tcp(text);
}

ListenSocket::ListenSocket(Address address, std::optional<PortReservation> port, int socket)
    : address_(std::move(address)), port_(std::move(port)), socket_(socket) {
  public_ = port_ ? address_.is_public() : faces_the_world(socket);
  remove_path_ = address_.kind == Address::Kind::path;
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : address_(other.address_),
      port_(std::move(other.port_)),
      socket_(std::exchange(other.socket_, -1)),
      public_(other.public_),
      remove_path_(std::exchange(other.remove_path_, false)) {}

ListenSocket::~ListenSocket() {
  if (socket_ >= 0) ::close(socket_);
  if (remove_path_) ::unlink(address_.name.c_str());
}

// Nobody can connect before listen(), so the mode is right in time.
Result<ListenSocket> ListenSocket::take_path(const Address& address, unsigned mode) {
  TRY_DONE(remove_stale(address));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return cannot_listen(address, std::strerror(errno));
  const sockaddr_un at = unix_address(address.name);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    Problem problem = cannot_listen(address, std::strerror(errno));
    ::close(socket);
    return problem;
  }
  ListenSocket taken(address, std::nullopt, socket);
  if (::chmod(address.name.c_str(), mode) != 0) return cannot_listen(address, std::strerror(errno));
  return taken;
}

Result<ListenSocket> ListenSocket::take_activated(const Address& address) {
  const auto given = activated_sockets();
  auto found = std::ranges::find(given, address.name, &ActivatedSocket::name);
  if (auto number = number_in(address.name); found == given.end() && number && *number < given.size())
    found = given.begin() + *number;
  if (found == given.end()) return cannot_listen(address, "systemd has not given a socket of that name or number");
  if (!is_stream_socket(found->socket)) return cannot_listen(address, "not a stream socket (ListenStream=)");
  return ListenSocket(address, std::nullopt, ::fcntl(found->socket, F_DUPFD_CLOEXEC, 0));
}

Result<ListenSocket> ListenSocket::take(const Address& address, unsigned mode) {
  if (address.kind == Address::Kind::path) return take_path(address, mode);
  if (address.kind == Address::Kind::activated) return take_activated(address);
  auto port = PortReservation::take(address.name, address.port);
  if (!port.ok()) return port.problem();
  Address chosen = address;
  chosen.port = port->port();
  return ListenSocket(std::move(chosen), std::move(*port), -1);
}

Result<int> ListenSocket::for_loop() const {
  if (port_) return bound_socket(port_->host(), port_->port(), true);
  const int copy = ::fcntl(socket_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return cannot_listen(address_, std::strerror(errno));
  return copy;
}

}  // namespace headrace
