// A connection that speaks WebSocket: frames in, messages to the session, answers and what is sent out as frames, close.
// Section numbers are RFC 6455's.
#include <algorithm>
#include <utility>

#include "src/base/check.h"
#include "src/net/connection.h"

namespace headrace {

using websocket::Opcode;
using websocket::Reader;
namespace close_code = websocket::close_code;
using Closing = SocketSide::Closing;

// --- begin

void Connection::upgrade(detail::Slot& slot, const BorrowedReply& reply, std::shared_ptr<SocketSession> session,
                         const SocketOptions& options) {
  if (life_ != Life::open || home_.draining) return answer(slot, home_.handler.protocol_error(Error::shutting_down, "", of_peer()));
  CHECK(upgrading_ && &slot == first_ && &slot == last_);
  socket_ = std::make_unique<SocketSide>(std::move(session), options);
  socket_->heard = home_.loop.now();
  socket_->channel = &detail::take_slot(*this);
  ++home_.counters.sockets_opened;
  ++home_.counters.sockets_open;
  answer(slot, reply);
  std::shared_ptr<SocketSession> kept = socket_->session;
  kept->opened(WebSocket(socket_->channel, socket_->channel->generation));
}

// --- frames in

void Connection::consume_frames(char* window, size_t size) {
  std::span<char> input(window, size);
  socket_->heard = home_.loop.now();
  consuming_ = true;
  while (!input.empty() && life_ == Life::open && !blocked()) take_frame(input);
  consuming_ = false;
  if (life_ != Life::open) {
    refused_ |= !input.empty();  // sent behind a close frame
    input = {};
  }
  input_.keep(input.data(), input.size());
  count_socket_memory();
  read_or_not();
}

void Connection::take_frame(std::span<char>& input) {
  SocketSide& socket = *socket_;
  switch (socket.reader.next(input)) {
    case Reader::Step::need_more:
      if (!socket.reader.in_message())
        socket.message_began = 0;
      else if (socket.message_began == 0)
        socket.message_began = home_.loop.now();
      give_up_if_short_of_memory();
      break;
    case Reader::Step::message:
      socket.message_began = 0;
      if (socket.closing == Closing::no) message_arrived();
      give_up_if_short_of_memory();
      break;
    case Reader::Step::control:
      control_arrived();
      break;
    case Reader::Step::failed:
      ++home_.counters.protocol_errors;
      give_up_socket(socket.reader.failure().code, socket.reader.failure().reason);
      break;
  }
}

void Connection::message_arrived() {
  SocketSide& socket = *socket_;
  ++home_.counters.socket_messages_in;
  detail::Slot& slot = queue_slot();
  slot.head = slot.old_client = false;
  slot.keep_alive = slot.frame = true;
  slot.message_bytes = socket.reader.payload().size();
  socket.in_flight_bytes += slot.message_bytes;
  std::shared_ptr<SocketSession> kept = socket.session;
  kept->message({socket.reader.opcode() == Opcode::text, socket.reader.payload(), ++socket.messages},
                Exchange(&slot, slot.generation));
}

// 5.5.2: a ping is answered as soon as is practical, between answers. Pongs, asked for or not, only say that it lives.
void Connection::control_arrived() {
  SocketSide& socket = *socket_;
  if (socket.reader.opcode() == Opcode::ping && socket.closing != Closing::sent) {
    append_frame(Opcode::pong, socket.reader.payload(), out_);
    want_flush();
  } else if (socket.reader.opcode() == Opcode::close) {
    socket.peer_closed = true;
    life_ = Life::finishing;
    if (socket.closing == Closing::no) close_socket(socket.reader.close_code(), {});
    want_flush();
  }
}

// --- out

void Connection::append_answer_frame(detail::Slot& slot, const BorrowedReply& reply, std::string& out) {
  socket_->in_flight_bytes -= slot.message_bytes;
  ++home_.counters.socket_messages_out;
  append_frame(Opcode::text, reply.body, out);
}

// Behind every answer that went out.
void Connection::socket_answered() {
  if (socket_->closing == Closing::wanted && unanswered_ == 0) send_close();
  if (!consuming_) count_socket_memory();
}

Sent Connection::send(std::string_view text) {
  SocketSide& socket = *socket_;
  if (life_ != Life::open || socket.closing != Closing::no) return Sent::gone;
  if (unsent_bytes() > 0 && unsent_bytes() + text.size() > socket.options.queue_bytes_max) {
    if (socket.options.slow_reader == SlowReader::close) {
      ++home_.counters.slow_readers;
      close_socket(close_code::try_again_later, "the reader is too slow");
      return Sent::gone;
    }
    home_.counters.socket_messages_dropped += socket.options.slow_reader == SlowReader::drop;
    return Sent::full;
  }
  ++home_.counters.socket_messages_out;
  append_frame(Opcode::text, text, out_);
  count_socket_memory();
  want_flush();
  return Sent::queued;
}

// --- end (section 7)

void Connection::close_socket(uint16_t code, std::string_view reason) {
  SocketSide& socket = *socket_;
  if (socket.closing != Closing::no || life_ == Life::closed) return;
  socket.closing = Closing::wanted;
  socket.close_code = code;
  socket.close_reason = reason;
  if (unanswered_ == 0) send_close();
}

// Nothing more is read of a peer that broke a rule; what it asked for before is still answered.
void Connection::give_up_socket(uint16_t code, std::string_view reason) {
  socket_->peer_closed = true;
  refused_ = true;
  life_ = Life::finishing;
  close_socket(code, reason);
  want_flush();
}

// One that holds next to nothing may stay.
void Connection::give_up_if_short_of_memory() {
  count_socket_memory();
  bool is_short = home_.socket_bytes > home_.options.socket_bytes_max;
  if (is_short && socket_->counted_bytes > limits::kept_output_bytes_max && life_ == Life::open)
    give_up_socket(close_code::try_again_later, "the server is short of memory");
}

void Connection::send_close() {
  SocketSide& socket = *socket_;
  socket.closing = Closing::sent;
  socket.closed = home_.loop.now();
  websocket::append_close(socket.close_code, socket.close_reason, out_);
  want_flush();
}

void Connection::leave_socket() {
  home_.socket_bytes -= socket_->counted_bytes;
  --home_.counters.sockets_open;
  detail::give_slot(*socket_->channel);
  std::unique_ptr<SocketSide> left = std::move(socket_);
  left->session->closed();
}

void Connection::count_socket_memory() {
  size_t bytes = socket_->reader.held_bytes() + socket_->in_flight_bytes + unsent_bytes();
  home_.socket_bytes += bytes - std::exchange(socket_->counted_bytes, bytes);
}

// --- time

void Connection::check_socket(Micros now) {
  SocketSide& socket = *socket_;
  const HttpOptions& options = home_.options;
  if (socket.closing == Closing::sent) {
    if (now - socket.closed > options.socket_close_us) close();
    return;
  }
  if (socket.closing == Closing::wanted || life_ != Life::open) return;
  if (home_.draining) return close_socket(close_code::going_away, "the server is shutting down");
  if (blocked()) {
    socket.heard = now;  // we do not listen
    return;
  }
  if (socket.message_began != 0 && now - socket.message_began > options.body_timeout_us) {
    ++home_.counters.timeouts;
    return give_up_socket(close_code::policy_violation, "the message took too long");
  }
  if (now - socket.heard > options.socket_ping_us + options.socket_pong_us) {
    ++home_.counters.timeouts;
    return cut();
  }
  if (now - std::max(socket.heard, socket.pinged) <= options.socket_ping_us) return;
  socket.pinged = now;
  append_frame(Opcode::ping, {}, out_);
  want_flush();
}

// --- handles

Connection* WebSocket::connection() const {
  return slot_ != nullptr && slot_->generation == generation_ ? slot_->connection : nullptr;
}

Sent WebSocket::send(std::string_view text) {
  Connection* its = connection();
  return its != nullptr ? its->send(text) : Sent::gone;
}

void WebSocket::close(uint16_t code, std::string_view reason) {
  if (Connection* its = connection()) its->close_socket(code, reason);
}

bool WebSocket::gone() const {
  Connection* its = connection();
  return its == nullptr || its->life_ != Connection::Life::open || its->socket_->closing != Closing::no;
}

size_t WebSocket::queued_bytes() const {
  Connection* its = connection();
  return its != nullptr ? its->unsent_bytes() : 0;
}

uint64_t WebSocket::answered() const {
  Connection* its = connection();
  return its != nullptr ? its->socket_->answered : 0;
}

}  // namespace headrace
