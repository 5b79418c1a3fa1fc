// Connection: one client. Bytes in, requests to the handler, answers out in the order of the requests.
// Private to src/net.
#pragma once

#include <uv.h>

#include <string>

#include "src/net/http.h"
#include "src/net/http_home.h"
#include "src/net/input_buffer.h"
#include "src/net/request_parser.h"
#include "src/net/slot.h"

namespace headrace {

// Operation: made by accept(), frees itself when libuv has let go of it. Lives on: its listener's loop.
// Limits: HttpOptions; back-pressure: it is not read while too many requests are unanswered or too much
// output waits.
class Connection {
 public:
  // Takes the next connection off `listening`.
  static void accept(HttpHome& home, uv_stream_t* listening);

  void flush();   // at the end of an iteration: one write for all answers of it
  void resume();  // goes on with what was received while blocked
  void look_at_clock(Micros now);
  void cut();  // closes now, without ceremony

  // From Exchange.
  void answer(detail::Slot& slot, const Reply& reply);
  void abandoned(detail::Slot& slot);
  Memo* memo() { return &memo_; }

 private:
  friend struct ConnectionCalls;

  // finishing: no further request is read, the last answers go out. lingering: a refused client may still be
  // sending; closing now could destroy the answer before it is read (RFC 9112 9.6).
  enum class Life : uint8_t { open, finishing, lingering, closed };

  explicit Connection(HttpHome& home);
  ~Connection() = default;
  void begin();
  void turn_away();

  // input
  uv_buf_t buffer_to_read_into();
  void received(size_t bytes, bool into_own);
  void ended();
  void consume(char* window, size_t size);
  void head_arrived(const char* window, size_t size);
  detail::Slot& queue_slot();
  void serve(const char* window, bool last_received);
  void refuse(Error error, const char* detail);
  Request view(const char* window);
  bool blocked() const;
  void read_or_not();

  // answers
  void append(detail::Slot& slot, const Reply& reply, std::string& out);
  void release_answered();
  void say_continue();

  // output and end
  size_t unsent_bytes() const { return out_.size() + writing_.size() + held_bytes_; }
  void want_flush();
  void want_resume();
  void write();
  void write_rest(size_t already_written);
  void written(int status);
  void finish();
  void linger();
  void close();
  void leave_home();
  static void freed(Connection& connection);
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&tcp_); }

  // time
  void check_request_time(Micros now);
  void check_reader(Micros now);
  void check_idle(Micros now);

  uv_tcp_t tcp_;
  uv_write_t write_;
  uv_shutdown_t shutdown_;
  HttpHome& home_;
  RequestParser parser_;
  InputBuffer input_;
  Memo memo_;
  size_t index_ = 0;  // in home_.connections

  detail::Slot* first_ = nullptr;  // requests without an answer sent, oldest first
  detail::Slot* last_ = nullptr;
  size_t unanswered_ = 0;

  std::string out_;        // goes out at the end of the iteration
  std::string writing_;    // libuv is writing it
  size_t held_bytes_ = 0;  // in slots

  Life life_ = Life::open;
  bool reading_ = false;
  bool peer_ended_ = false;  // the client will send no more
  bool refused_ = false;     // and what it still sends is thrown away
  bool continue_wanted_ = false;
  bool in_to_flush_ = false;
  bool in_to_resume_ = false;
  bool consuming_ = false;
  bool at_home_ = false;  // stands in home_.connections

  Micros request_began_ = 0;  // first byte of the request being received; 0: none
  Micros body_began_ = 0;
  Micros active_ = 0;  // last byte in or answer out
  Micros write_began_ = 0;
  size_t write_left_ = 0;   // when write_began_ was set
  size_t write_bytes_ = 0;  // of the pending write
  size_t lingered_bytes_ = 0;
  char peer_[46] = {};
};

}  // namespace headrace
