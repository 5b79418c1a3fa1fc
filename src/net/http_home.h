// HttpHome: what all connections of one listener share. Private to src/net.
#pragma once

#include <uv.h>

#include <memory>
#include <vector>

#include "src/net/handshakes.h"
#include "src/net/http.h"
#include "src/net/listener.h"
#include "src/net/reply_text.h"
#include "src/runtime/loop.h"
#include "src/runtime/sequence.h"
#include "src/runtime/timer.h"

namespace headrace {

class Connection;

// A TCP or a Unix socket, as libuv has them.
union StreamHandle {
  uv_tcp_t tcp;
  uv_pipe_t pipe;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(this); }
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(this); }
  void open(Loop& loop, bool is_pipe);
};

// Lives until libuv has let go of every handle, which may be later than the Listener.
struct HttpHome {
  HttpHome(Loop& on, HttpHandler& to, const HttpOptions& given);

  Loop& loop;
  HttpHandler& handler;
  const HttpOptions options;
  HttpCounters counters;
  DateLine date;
  std::unique_ptr<char[]> read_buffer;   // for connections that have nothing of a request yet
  std::vector<Connection*> connections;  // each knows its index
  std::vector<Connection*> to_flush;     // have output, or an end, to look at; may hold nullptr
  std::vector<Connection*> to_resume;    // were blocked; may hold nullptr
  size_t handles = 0;                    // of libuv: connections and the listening socket; and steps of handshakes
  size_t socket_bytes = 0;               // held for all WebSockets
  Sequence closings;                     // handles closed so far
  bool draining = false;
  bool orphaned = false;  // the Listener is gone
  Micros draining_since = 0;

  Handshakes handshakes;
  std::string secure_lines;          // header lines for what goes out over TLS
  std::string sealed;                // scratch of connections with TLS
  std::unique_ptr<char[]> unsealed;  // likewise; none where there is no TLS

  StreamHandle listening;
  bool is_pipe = false;  // a Unix socket
  bool is_listening = false;
  uint16_t port = 0;
  Loop::Hook resume_hook, flush_hook;
  Timer sweep_timer;
  bool sweeping = false;
  size_t sweep_at = 0;

  std::string_view date_line() { return date.at(loop.now()); }
  Result<Done> listen(int socket);  // takes it over
  void stop_listening();
  void accept_one();
  void resume_all();
  void flush_all();
  void sweep();
  void cut_all();
  void orphan();
  void handle_closed();
};

}  // namespace headrace
