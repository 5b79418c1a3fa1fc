// Sockets that loops share a port with. Private to src/net.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/result.h"

namespace headrace {

// A TCP socket bound to a numeric address ("localhost" is 127.0.0.1), close-on-exec. With `share`, other
// sockets of this process may bind the same port (SO_REUSEPORT); without, it fails while anybody listens
// there.
Result<int> bound_socket(const std::string& host, uint16_t port, bool share);
uint16_t port_of(int socket);  // 0: a Unix socket
bool is_unix(int socket);

}  // namespace headrace
