// SocketSide: what a connection keeps once it speaks WebSocket. Private to src/net.
#pragma once

#include <memory>
#include <string>

#include "codec/websocket.h"
#include "src/base/time.h"
#include "src/net/slot.h"
#include "src/net/websocket.h"

namespace headrace {

struct SocketSide {
  // no: messages are taken. wanted: the last answers go out, then our close frame. sent: the peer's is waited for, unless
  // it has come.
  enum class Closing : uint8_t { no, wanted, sent };

  SocketSide(std::shared_ptr<SocketSession> its_session, const SocketOptions& its_options)
      : session(std::move(its_session)),
        options(its_options),
        reader(websocket::Reader::Peer::client, {its_options.message_bytes_max, limits::socket_message_frames_max}) {}

  std::shared_ptr<SocketSession> session;
  SocketOptions options;
  websocket::Reader reader;
  detail::Slot* channel = nullptr;  // what WebSocket handles point at

  uint64_t messages = 0, answered = 0;
  size_t in_flight_bytes = 0;  // of messages without an answer
  size_t counted_bytes = 0;    // of ours in HttpHome::socket_bytes
  Closing closing = Closing::no;
  bool peer_closed = false;  // its close frame has come, or it is given up
  uint16_t close_code = 0;
  std::string close_reason;

  Micros heard = 0;          // last bytes in
  Micros pinged = 0;         // last ping out
  Micros message_began = 0;  // of the message that is not complete; 0: none
  Micros closed = 0;         // our close frame
};

}  // namespace headrace
