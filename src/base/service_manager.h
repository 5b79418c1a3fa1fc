// The manager that started this process (systemd): sockets it has opened for it, and what it is told. Both are small
// protocols over the environment: sd_listen_fds(3), sd_notify(3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headrace {

struct ActivatedSocket {
  int socket;
  std::string name;  // FileDescriptorName= of the unit; may be empty
};

// The sockets of $LISTEN_FDS, if they are for this process; set to close on exec, still owned by whoever holds the number.
std::vector<ActivatedSocket> activated_sockets();

// Says e.g. "READY=1" at $NOTIFY_SOCKET. False: nobody listens there, which is usual.
bool tell_service_manager(std::string_view state);

}  // namespace headrace
