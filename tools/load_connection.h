// One keep-alive connection of the load generator, without blocking.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "src/base/result.h"
#include "tools/bench_payload.h"
#include "tools/http_client.h"
#include "tools/http_reply.h"
#include "tools/socket_reply.h"
#include "tools/tls_stream.h"

namespace headrace {

using Nanos = uint64_t;  // on the monotonic clock

Nanos now_ns();

// Operation: requests are queued, flushed as the socket takes them, and answered in order.
// Lives on: the one thread of the load generator. Limits: the caller's, on requests in flight.
class LoadConnection {
 public:
  LoadConnection() = default;
  ~LoadConnection();
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  // Connects and registers with `epoll` under the number `index`; what was in flight is forgotten.
  // `request`: what upgrade_request() gave where it is to be a WebSocket, else empty.
  Result<> open(const Origin& origin, int epoll, uint32_t index, const std::string& request = {});

  // Queues the pool's next request; its latency will count from `since`.
  void queue(RequestPool& pool, Nanos since);

  // Writes what the socket takes. False: the connection is broken.
  bool flush();

  // Reads what has come and calls answered(const ReplyView&, Nanos since) for each whole reply.
  // False: the connection is broken or what came is not HTTP.
  template <class Answered>
  bool receive(const Answered& answered);

  size_t in_flight() const { return since_.size(); }

 private:
  bool fill();
  bool fill_once();
  void watch(bool writable);

  int socket_ = -1, epoll_ = -1;
  std::unique_ptr<TlsStream> tls_;
  uint32_t index_ = 0;
  bool is_websocket_ = false, watches_writable_ = false, ended_ = false;
  std::string out_, in_;
  size_t out_sent_ = 0, in_used_ = 0;  // in_ is a buffer of which in_used_ bytes are filled
  std::deque<Nanos> since_;
};

template <class Answered>
bool LoadConnection::receive(const Answered& answered) {
  if (!fill()) return false;
  size_t at = 0;
  for (;;) {
    const std::string_view rest = std::string_view(in_).substr(at, in_used_ - at);
    const auto reply = is_websocket_ ? first_frame(rest) : first_reply(rest);
    if (!reply || (*reply && since_.empty())) return false;
    if (!*reply) break;
    answered(**reply, since_.front());
    since_.pop_front();
    at += (*reply)->bytes;
    if ((*reply)->closes) ended_ = true;
  }
  in_.erase(0, at);
  in_used_ -= at;
  return !ended_;
}

}  // namespace headrace
