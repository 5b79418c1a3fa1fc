// The environment that systemd gives, without its library.
#include "src/base/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr int first_socket = 3;  // SD_LISTEN_FDS_START

long number_of(const char* variable) {
  const char* text = std::getenv(variable);
  long number = -1;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

// The part before the colon, taken off.
std::string take_name(std::string_view& names) {
  const size_t colon = std::min(names.find(':'), names.size());
  std::string name(names.substr(0, colon));
  names.remove_prefix(std::min(colon + 1, names.size()));
  return name;
}

}  // namespace

std::vector<ActivatedSocket> activated_sockets() {
  std::vector<ActivatedSocket> out;
  if (number_of("LISTEN_PID") != ::getpid()) return out;
  const long count = std::min(number_of("LISTEN_FDS"), static_cast<long>(limits::listeners_max));
  const char* given = std::getenv("LISTEN_FDNAMES");
  std::string_view names = given ? given : "";
  for (int socket = first_socket; socket < first_socket + count; ++socket) {
    (void)::fcntl(socket, F_SETFD, FD_CLOEXEC);
    out.push_back({socket, take_name(names)});
  }
  return out;
}

bool tell_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t size = path ? std::strlen(path) : 0;
  if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return false;
  std::memcpy(address.sun_path, path, size);
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  const ssize_t sent = ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<sockaddr*>(&address), length);
  ::close(socket);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace headrace
