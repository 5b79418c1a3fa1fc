// Connection: one client. Bytes in, requests to the handler, answers out in the order of the requests; after an upgrade
// messages take the place of requests.
// Private to src/net.
#pragma once

#include <uv.h>

#include <memory>
#include <span>
#include <string>

#include "src/net/http.h"
#include "src/net/http_home.h"
#include "src/net/input_buffer.h"
#include "src/net/request_parser.h"
#include "src/net/slot.h"
#include "src/net/socket_side.h"
#include "src/net/tls.h"

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
  void handshake_stepped(std::unique_ptr<Tls> tls, Tls::Outcome outcome);  // from Handshakes

  // From Exchange.
  void answer(detail::Slot& slot, const BorrowedReply& reply);
  void abandoned(detail::Slot& slot);
  void upgrade(detail::Slot& slot, const BorrowedReply& reply, std::shared_ptr<SocketSession> session,
               const SocketOptions& options);
  Memo* memo() { return &memo_; }

 private:
  friend struct ConnectionCalls;
  friend class WebSocket;

  // finishing: no further request is read, the last answers go out. lingering: a refused client may still be
  // sending; closing now could destroy the answer before it is read (RFC 9112 9.6).
  enum class Life : uint8_t { open, finishing, lingering, closed };
  // plain: no TLS. A handshake is in_step while a worker has it, or is to have it.
  enum class Seal : uint8_t { plain, silent, shaking_hands, in_step, sealed };

  explicit Connection(HttpHome& home);
  ~Connection() = default;
  void begin();
  void turn_away();

  // input
  uv_buf_t buffer_to_read_into();
  void arrived(size_t bytes, bool into_own);
  void received(size_t bytes, bool into_own);
  void hung_up();
  void ended();
  void consume(char* window, size_t size);
  void head_arrived(const char* window, size_t size);
  detail::Slot& queue_slot();
  void serve(const char* window, bool last_received);
  void refuse(Error error, const char* detail, const char* window);
  Request view(const char* window);
  Request of_peer() const;
  Request known_part(const char* window);
  bool blocked() const;
  void read_or_not();

  // TLS (connection_tls.cc)
  void shake_hands(std::string_view sealed);
  void refuse_plain_text();
  void begin_handshake();
  void end_handshake();
  void broke_off();
  void unseal(std::string_view sealed);
  bool has_output() const;
  std::string& output();
  void check_handshake(Micros now);
  bool handshake_under_way() const { return seal_ == Seal::shaking_hands || seal_ == Seal::in_step; }

  // answers
  void append(detail::Slot& slot, const BorrowedReply& reply, std::string& out);
  void release_answered();
  void say_continue();

  // as a WebSocket (connection_socket.cc)
  void consume_frames(char* window, size_t size);
  void take_frame(std::span<char>& input);
  void message_arrived();
  void control_arrived();
  void append_answer_frame(detail::Slot& slot, const BorrowedReply& reply, std::string& out);
  void socket_answered();
  Sent send(std::string_view text);
  void close_socket(uint16_t code, std::string_view reason);
  void give_up_socket(uint16_t code, std::string_view reason);
  void give_up_if_short_of_memory();
  void send_close();
  void leave_socket();
  void count_socket_memory();
  void check_socket(Micros now);

  // output and end
  size_t unsent_bytes() const {
    return out_.size() + writing_.size() + held_bytes_ + (seal_ == Seal::sealed ? tls_->output_bytes() : 0);
  }
  void want_flush();
  void want_resume();
  void write();
  void write_rest(std::string& output, size_t already_written);
  void written(int status);
  void finish();
  void linger();
  void close();
  void leave_home();
  static void freed(Connection& connection);

  // time
  void check_request_time(Micros now);
  void check_reader(Micros now);
  void check_idle(Micros now);

  StreamHandle stream_;
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

  std::unique_ptr<SocketSide> socket_;  // none before the upgrade

  std::string out_;        // goes out at the end of the iteration
  std::string writing_;    // libuv is writing it
  size_t held_bytes_ = 0;  // in slots

  std::unique_ptr<Tls> tls_;  // none while in_step

  Life life_ = Life::open;
  Seal seal_ = Seal::plain;
  bool reading_ = false;
  bool peer_ended_ = false;  // the client will send no more
  bool refused_ = false;     // and what it still sends is thrown away
  bool continue_wanted_ = false;
  bool in_to_flush_ = false;
  bool in_to_resume_ = false;
  bool consuming_ = false;
  bool upgrading_ = false;  // nothing behind the request is read before its answer says in which protocol
  bool at_home_ = false;  // stands in home_.connections

  Micros request_began_ = 0;  // first byte of the request being received; 0: none
  Micros body_began_ = 0;
  Micros active_ = 0;  // last byte in (of plain text) or answer out
  Micros write_began_ = 0;
  size_t write_left_ = 0;   // when write_began_ was set
  size_t write_bytes_ = 0;  // of the pending write
  size_t lingered_bytes_ = 0;
  char peer_[46] = {};
};

}  // namespace headrace
