// Address: where to listen, as it is written: HOST:PORT, unix:PATH, or systemd:NAME for a socket that systemd has opened.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/net/listener.h"

namespace headrace {

struct Address {
  enum class Kind : uint8_t { tcp, path, activated };
  Kind kind = Kind::tcp;
  std::string name;  // host without brackets; path; or the socket's FileDescriptorName=, or its number
  uint16_t port = 0;

  bool is_public() const;  // as far as is known before it is taken: not a loopback address, not a path
  std::string text() const;
};

// Errors: bad_configuration.
Result<Address> parse_address(std::string_view text);

// Holds an address before loops listen on it, and until they do no longer. A path is made with `mode`, replaces a socket
// that nobody listens on any more, and is removed at the end.
class ListenSocket {
 public:
  static Result<ListenSocket> take(const Address& address, unsigned mode);
  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&&) = delete;
  ~ListenSocket();

  // A socket for one loop, owned by the caller: of its own, or another descriptor of the one there is.
  Result<int> for_loop() const;
  const Address& address() const { return address_; }  // with the port that was chosen
  bool is_public() const { return public_; }

 private:
  ListenSocket(Address address, std::optional<PortReservation> port, int socket);
  static Result<ListenSocket> take_path(const Address& address, unsigned mode);
  static Result<ListenSocket> take_activated(const Address& address);

  Address address_;
  std::optional<PortReservation> port_;  // of tcp
  int socket_ = -1;                      // of the others
  bool public_ = false;
  bool remove_path_ = false;
};

}  // namespace headrace
