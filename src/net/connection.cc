// The receiving side of a connection: reads, requests, refusals, answers.
#include "src/net/connection.h"

#include <algorithm>

#include "src/base/check.h"

namespace headrace {

// libuv's callbacks.
struct ConnectionCalls {
  static Connection& self(void* handle) {
    return *static_cast<Connection*>(static_cast<uv_handle_t*>(handle)->data);
  }
  static void allocate(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    *buffer = self(handle).buffer_to_read_into();
  }
  static void read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
    Connection& connection = self(handle);
    if (count > 0)
      return connection.arrived(static_cast<size_t>(count), buffer->base != connection.home_.read_buffer.get());
    if (count == UV_EOF) return connection.hung_up();
    if (count < 0) connection.close();
  }
};

Connection::Connection(HttpHome& home)
    : home_(home),
      parser_({home.options.target_bytes_max, home.options.header_bytes_max, home.options.header_count_max}) {
}

// --- reading

uv_buf_t Connection::buffer_to_read_into() {
  if (input_.empty() || life_ != Life::open || seal_ != Seal::plain)
    return uv_buf_init(home_.read_buffer.get(), limits::read_bytes);
  size_t wanted =
      std::min(std::max(parser_.missing_bytes(), limits::read_bytes / 4), limits::read_bytes * 16);
  char* room = input_.room(wanted);
  return uv_buf_init(room, static_cast<unsigned>(input_.room_bytes()));
}

void Connection::arrived(size_t bytes, bool into_own) {
  home_.counters.bytes_in += bytes;
  std::string_view sealed(home_.read_buffer.get(), bytes);
  if (life_ != Life::open) {
    active_ = home_.loop.now();
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > home_.options.linger_bytes_max) close();
  } else if (seal_ == Seal::plain) {
    received(bytes, into_own);
  } else {
    seal_ == Seal::sealed ? unseal(sealed) : shake_hands(sealed);
  }
}

void Connection::received(size_t bytes, bool into_own) {
  active_ = home_.loop.now();
  if (into_own) {
    input_.grew(bytes);
    consume(input_.data(), input_.size());
  } else {
    consume(tls_ ? home_.unsealed.get() : home_.read_buffer.get(), bytes);
  }
}

// Without close_notify nobody knows whether the client meant to: what it has asked for is whole, or dropped.
void Connection::hung_up() {
  if (seal_ == Seal::silent || handshake_under_way()) return close();
  home_.counters.tls_truncations += seal_ == Seal::sealed && life_ == Life::open;
  ended();
}

// The client has closed its side; what it asked for before is still answered.
void Connection::ended() {
  peer_ended_ = true;
  if (life_ == Life::lingering) return close();
  if (life_ == Life::open) life_ = Life::finishing;
  input_.release();
  read_or_not();
  want_flush();
}

bool Connection::blocked() const {
  return unanswered_ >= home_.options.pipelined_requests_max ||
         unsent_bytes() > home_.options.connection_output_bytes_max || upgrading_ ||
         (socket_ != nullptr && socket_->in_flight_bytes > home_.options.socket_in_flight_bytes_max);
}

void Connection::read_or_not() {
  bool wanted = !peer_ended_ && seal_ != Seal::in_step && (life_ == Life::lingering || refused_ || (life_ == Life::open && !blocked()));
  if (wanted == reading_ || life_ == Life::closed) return;
  reading_ = wanted;
  if (wanted) {
    CHECK(uv_read_start(stream_.stream(), &ConnectionCalls::allocate, &ConnectionCalls::read) == 0);
  } else {
    uv_read_stop(stream_.stream());
  }
}

// --- requests

// `window` holds the request being received from its first byte on.
void Connection::consume(char* window, size_t size) {
  if (socket_ != nullptr) return consume_frames(window, size);
  consuming_ = true;
  bool waiting = false;
  while (size > 0 && life_ == Life::open && !waiting && !blocked() && socket_ == nullptr) {
    if (request_began_ == 0) request_began_ = home_.loop.now();
    switch (parser_.parse(window, size)) {
      case RequestParser::Step::need_more:
        size = parser_.seen();
        waiting = true;
        break;
      case RequestParser::Step::head:
        head_arrived(window, size);
        break;
      case RequestParser::Step::refused:
        refuse(parser_.error(), parser_.detail(), window);
        break;
      case RequestParser::Step::message:
        serve(window, size == parser_.seen());
        window += parser_.seen();
        size -= parser_.seen();
        parser_.next();
        break;
    }
  }
  consuming_ = false;
  if (socket_ != nullptr && size > 0) return consume_frames(window, size);
  if (life_ != Life::open) {
    refused_ |= size > 0;  // sent behind the last request that is answered
    size = 0;
  }
  input_.keep(window, size);
  read_or_not();
}

void Connection::resume() {
  in_to_resume_ = false;
  if (life_ != Life::open) return;
  if (request_began_ != 0) request_began_ = home_.loop.now();  // we did not listen; the client was not slow
  if (!input_.empty()) consume(input_.data(), input_.size());
  read_or_not();
}

// The head of a request with a body. The client may be waiting for permission to send it.
void Connection::head_arrived(const char* window, size_t size) {
  parser_.limit_body(home_.handler.body_limit(view(window)));
  body_began_ = home_.loop.now();
  bool nothing_sent_yet = size == parser_.seen();
  bool acceptable = parser_.head().content_length <= parser_.body_limit();
  continue_wanted_ = parser_.head().expects_continue && nothing_sent_yet && acceptable;
  say_continue();
}

// Only when everything before has been answered, so that it cannot be taken for an answer to something else.
void Connection::say_continue() {
  if (!continue_wanted_ || first_ != nullptr) return;
  continue_wanted_ = false;
  out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  want_flush();
}

Request Connection::view(const char* window) {
  Request request;
  parser_.view(window, request);
  request.peer = peer_;
  request.memo = &memo_;
  request.listener = home_.options.number;
  request.secure = tls_ != nullptr;
  if (tls_) request.client_subject = tls_->client_subject();
  return request;
}

Request Connection::of_peer() const {
  Request request;
  request.peer = peer_;
  return request;
}

// Of a request whose head may still be on its way.
Request Connection::known_part(const char* window) {
  if (parser_.in_body()) return view(window);
  Request request = of_peer();
  if (parser_.head().target_complete) request.path = parser_.head().target.in(window);
  request.path = request.path.substr(0, request.path.find('?'));
  return request;
}

detail::Slot& Connection::queue_slot() {
  detail::Slot& slot = detail::take_slot(*this);
  (last_ ? last_->next : first_) = &slot;
  last_ = &slot;
  ++unanswered_;
  request_began_ = body_began_ = 0;
  continue_wanted_ = false;
  return slot;
}

void Connection::serve(const char* window, bool last_received) {
  ++home_.counters.requests;
  Request request = view(window);
  if (parser_.head().upgrades) {
    if (first_ != nullptr) return refuse(Error::malformed_request, "An upgrade waits for the answers before it", window);
    upgrading_ = true;
  }
  detail::Slot& slot = queue_slot();
  slot.head = request.method == Method::HEAD;
  slot.keep_alive = request.keep_alive && !(home_.draining && last_received);
  slot.old_client = request.minor_version == 0;
  if (!slot.keep_alive) life_ = Life::finishing;
  home_.handler.serve(request, Exchange(&slot, slot.generation));
}

// Answers, in its turn, a request that is not understood; nothing behind it can be.
void Connection::refuse(Error error, const char* detail, const char* window) {
  const Request known = known_part(window);
  ++home_.counters.protocol_errors;
  detail::Slot& slot = queue_slot();
  slot.head = parser_.is_head_request();
  slot.keep_alive = slot.old_client = false;
  life_ = Life::finishing;
  refused_ = true;
  answer(slot, home_.handler.protocol_error(error, detail, known));
}

// --- answers

void Connection::answer(detail::Slot& slot, const BorrowedReply& reply) {
  CHECK(Loop::current() == &home_.loop);
  CHECK(slot.connection == this && !slot.answered);
  ++home_.counters.replies;
  ++slot.generation;
  slot.answered = true;
  bool was_blocked = blocked();
  upgrading_ = false;
  if (&slot == first_) {
    append(slot, reply, out_);
    release_answered();
  } else {
    append(slot, reply, slot.held);
    held_bytes_ += slot.held.size();
  }
  if (was_blocked && !consuming_ && !blocked()) want_resume();
  want_flush();
}

void Connection::append(detail::Slot& slot, const BorrowedReply& reply, std::string& out) {
  if (slot.frame) return append_answer_frame(slot, reply, out);
  // The last answer of a draining connection says so; an earlier one must not.
  if (home_.draining && socket_ == nullptr && &slot == last_ && life_ == Life::open && input_.empty() && !consuming_) {
    slot.keep_alive = false;
    life_ = Life::finishing;
  }
  ReplyMode mode{slot.head, slot.keep_alive, slot.old_client, tls_ ? home_.secure_lines : std::string_view()};
  append_reply(out, reply, mode, home_.date_line());
}

void Connection::release_answered() {
  bool first_is_out = true;
  while (first_ != nullptr && first_->answered) {
    detail::Slot& slot = *first_;
    if (!first_is_out) {
      out_.append(slot.held);
      held_bytes_ -= slot.held.size();
    }
    first_is_out = false;
    first_ = slot.next;
    if (first_ == nullptr) last_ = nullptr;
    --unanswered_;
    if (slot.frame) ++socket_->answered;
    detail::give_slot(slot);
  }
  if (socket_ != nullptr) socket_answered();
  active_ = home_.loop.now();
  say_continue();
}

void Connection::abandoned(detail::Slot& slot) {
  ++home_.counters.abandoned;
  answer(slot, home_.handler.protocol_error(Error::internal_error, "", of_peer()));
}

}  // namespace headrace
