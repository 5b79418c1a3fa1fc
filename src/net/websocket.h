// WebSocket (RFC 6455) as the floors above see it: SocketSession takes messages, WebSocket sends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "codec/websocket.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/net/http.h"

namespace headrace {

class Connection;

// What becomes of a message for a reader that is behind: its sender waits, the message is dropped, or the socket is
// closed with 1013. A reader that takes nothing at all is cut off in any case (limits::write_timeout_us).
enum class SlowReader : uint8_t { wait, drop, close };

struct SocketOptions {
  size_t message_bytes_max = limits::socket_message_bytes_max;
  size_t queue_bytes_max = limits::socket_queue_bytes_max;  // of what was sent and is not written yet
  SlowReader slow_reader = SlowReader::wait;
};

enum class Sent : uint8_t {
  queued,
  full,  // the reader is behind: try again later, or it was dropped, as SocketOptions says
  gone   // the socket is closing or closed
};

// A handle on an open socket: may be copied and kept; once the socket is gone it does nothing. Only on the connection's
// loop.
class WebSocket {
 public:
  WebSocket() = default;

  Sent send(std::string_view text);
  // Answers under way are given first. Nothing can be sent behind it.
  void close(uint16_t code, std::string_view reason);
  bool gone() const;
  size_t queued_bytes() const;  // 0 when gone
  // Messages whose answers have been written, in order: SocketMessage::number counts the same.
  uint64_t answered() const;

 private:
  friend class Connection;
  WebSocket(detail::Slot* slot, uint64_t generation) : slot_(slot), generation_(generation) {}
  Connection* connection() const;

  detail::Slot* slot_ = nullptr;
  uint64_t generation_ = 0;
};

struct SocketMessage {
  bool text = true;       // else binary
  std::string_view data;  // text is UTF-8; valid during SocketSession::message() only
  uint64_t number = 0;    // 1 for the first message of the socket
};

// What a route makes of a socket. Called on the connection's loop.
class SocketSession {
 public:
  virtual ~SocketSession() = default;
  virtual void opened(WebSocket) {}
  // Each message has one answer, a text message; answers go out in the order of their messages, whenever they are given.
  virtual void message(const SocketMessage& message, Exchange exchange) = 0;
  // Every now and then while it is open, several times a second: to close it when it may not go on.
  virtual void tick() {}
  virtual void closed() {}
};

// What a handshake says (section 4.2.1). An error names the field: 400, or 426 where the client must ask otherwise; the
// answer to that says how (Upgrade and Sec-WebSocket-Version).
struct Handshake {
  std::string accept;  // Sec-WebSocket-Accept
};
Result<Handshake> read_handshake(const Request& request);

// May a page of this origin open a socket here? A client that is no browser sends none. `allowed`: origins, "*" for any;
// the server's own, as Host has it, always may (section 10.2).
bool is_origin_allowed(const Request& request, std::string_view allowed);

}  // namespace headrace
