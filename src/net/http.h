// HTTP as the floors above see it: Request, Reply, Exchange, HttpHandler. Knows no routes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "src/base/error.h"

namespace headrace {

enum class Method : uint8_t { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS };
inline constexpr size_t method_count = 7;
std::string_view name_of(Method method);

// Header fields that are found without a search.
enum class Known : uint8_t {
  accept,
  accept_encoding,
  authorization,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  expect,
  host,
  idempotency_key,
  if_none_match,
  origin,
  prefer,
  traceparent,
  tracestate,
  transfer_encoding,
  user_agent,
  x_api_key,
  x_request_id,
  other
};
inline constexpr size_t known_count = static_cast<size_t>(Known::other);
Known known_of(std::string_view name);  // any case

struct Header {
  std::string_view name, value;  // as sent; value without blanks around it
};

struct RequestHead;

// Looks into the received bytes when asked; costs nothing until then.
class HeaderList {
 public:
  HeaderList() = default;  // empty
  HeaderList(const RequestHead& head, const char* window) : head_(&head), window_(window) {}

  // The value of the first field of that name, empty when there is none. known(): no search.
  std::string_view known(Known field) const;
  std::string_view find(std::string_view name) const;  // any case
  size_t size() const;
  Header operator[](size_t index) const;

 private:
  const RequestHead* head_ = nullptr;
  const char* window_ = nullptr;
};

// 64 bytes of a connection that the floors above may use, e.g. to remember a verified credential. Starts as
// zeros.
class Memo {
 public:
  template <class T>
  T& as() {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(bytes_) && alignof(T) <= 8);
    return *reinterpret_cast<T*>(bytes_);
  }

 private:
  alignas(8) std::byte bytes_[64] = {};
};

// One request. The views are valid during HttpHandler::body_limit() and serve() only, in a coroutine
// therefore until it first suspends: copy what must live longer.
struct Request {
  Method method = Method::GET;
  bool keep_alive = false;
  uint8_t minor_version = 1;  // HTTP/1.x
  std::string_view target;    // as sent
  std::string_view path;      // of the target, still percent-encoded; "*" for OPTIONS *
  std::string_view query;     // behind the '?', still percent-encoded
  std::string_view body;      // at least limits::padding_bytes are readable behind it
  HeaderList headers;
  std::string_view peer;  // the client's address, e.g. "127.0.0.1"; "unix" behind a Unix socket
  // Whom the client's certificate names, verified (RFC 2253, e.g. "CN=billing,O=Example"); empty: it has shown none.
  std::string_view client_subject;
  bool secure = false;   // over TLS
  size_t listener = 0;    // HttpOptions::number
  Memo* memo = nullptr;   // the connection's
};

// An answer whose texts somebody else owns: they are copied out while answer() runs.
struct BorrowedReply {
  int status = 200;
  std::string_view content_type = {}, headers = {}, body = {};
};

// What answers a request. Date, Content-Length, Content-Type and Connection are written by the connection.
struct Reply {
  int status = 200;
  std::string_view content_type = {};  // static text; empty: no such header
  std::string headers = {};            // extra lines, each "Name: value\r\n"
  std::string body = {};

  operator BorrowedReply() const { return {status, content_type, headers, body}; }
};

namespace detail {
struct Slot;
}
class SocketSession;
struct SocketOptions;

// One request in flight: may be moved about and answered later, on the connection's loop. Safe to keep when
// the client has gone: the answer is then dropped. Destroyed without an answer, it answers 500 itself.
class Exchange {
 public:
  Exchange() = default;
  Exchange(Exchange&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), generation_(other.generation_) {}
  Exchange& operator=(Exchange&& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~Exchange() {
    if (slot_) abandon();
  }

  void answer(const BorrowedReply& reply);
  // Answers a handshake (read_handshake in websocket.h) with 101 and makes the connection a WebSocket; 503 where it is
  // ending.
  void upgrade(const BorrowedReply& reply, std::shared_ptr<SocketSession> session, const SocketOptions& options);
  bool gone() const;   // answered, or the client has left
  Memo* memo() const;  // the connection's; nullptr when gone

 private:
  friend class Connection;
  Exchange(detail::Slot* slot, uint64_t generation) : slot_(slot), generation_(generation) {}
  void abandon();

  detail::Slot* slot_ = nullptr;
  uint64_t generation_ = 0;
};

// What the server does with requests. Called on the connection's loop; one handler may serve several loops,
// and then must be safe to call from all of them.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // How many bytes of body this request may have (asked only when it announces one; `body` is still empty).
  virtual size_t body_limit(const Request& head) = 0;
  virtual void serve(const Request& request, Exchange exchange) = 0;
  // The answer to a request that is refused before it reaches serve(). `detail` may be empty. Of `request` is there what had
  // arrived: path and headers often, the peer nearly always.
  virtual Reply protocol_error(Error error, std::string_view detail, const Request& request) = 0;
};

}  // namespace headrace
