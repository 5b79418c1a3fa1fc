// One message per frame is all that is understood here: our server sends no others.
#include "tools/socket_reply.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

namespace headrace {
namespace {

constexpr unsigned text_frame = 0x81;

// The length of the payload; 0 where the head is not there yet.
struct FrameHead {
  size_t bytes = 0;
  uint64_t length = 0;
};

FrameHead head_of(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  auto byte = [&](size_t at) { return static_cast<unsigned char>(bytes[at]); };
  size_t more = byte(1) == 126 ? 2 : byte(1) == 127 ? 8 : 0;
  if (bytes.size() < 2 + more) return {};
  FrameHead head{2 + more, more == 0 ? byte(1) : 0u};
  for (size_t at = 0; at < more; ++at) head.length = head.length << 8 | byte(2 + at);
  return head;
}

bool succeeded(std::string_view body) {
  return body.starts_with(R"({"status":"success")") || body.starts_with(R"({"status":"partial")");
}

Problem refused(std::string_view why) { return {Error::conflict, "no WebSocket: " + std::string(why.substr(0, 300))}; }

}  // namespace

std::string upgrade_request(const Origin& origin, std::string_view path, std::string_view key) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: aGVhZHJhY2UgYmVuY2ghIQ==\r\n\r\n",
      path, origin.text(), key);
}

Result<> upgrade(int socket, std::string_view request) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return refused("the request could not be sent");
  std::string head;
  for (char c; !head.ends_with("\r\n\r\n"); head += c) {
    ssize_t got = ::recv(socket, &c, 1, 0);
    if (got <= 0) return refused("the connection was closed");
  }
  return head.starts_with("HTTP/1.1 101 ") ? Result<>(Done{}) : refused(head);
}

Result<std::optional<ReplyView>> first_frame(std::string_view bytes) {
  FrameHead head = head_of(bytes);
  if (!bytes.empty() && static_cast<unsigned char>(bytes[0]) != text_frame)
    return Problem{Error::conflict, "the server sent something else than a text message"};
  if (head.bytes == 0 || bytes.size() - head.bytes < head.length) return std::optional<ReplyView>();
  ReplyView reply;
  reply.body = bytes.substr(head.bytes, head.length);
  reply.status = succeeded(reply.body) ? 200 : 500;
  reply.bytes = head.bytes + head.length;
  return std::optional<ReplyView>(reply);
}

}  // namespace headrace
