// The sending side of a connection: writes, slow readers, timeouts, and all ways to end.
#include <algorithm>
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/net/connection.h"

namespace headrace {
namespace {

void let_go_of_large(std::string& buffer, size_t kept_max) {
  buffer.clear();
  if (buffer.capacity() > kept_max) std::string().swap(buffer);
}

// Takes `connection` out of a list of things to do that is being walked, or will be.
void forget(std::vector<Connection*>& list, Connection* connection) {
  for (Connection*& entry : list) {
    if (entry == connection) entry = nullptr;
  }
}

}  // namespace

// --- begin

void Connection::accept(HttpHome& home, uv_stream_t* listening) {
  auto* connection = new Connection(home);
  connection->stream_.open(home.loop, home.is_pipe);
  connection->stream_.handle()->data = connection;
  ++home.handles;
  if (uv_accept(listening, connection->stream_.stream()) != 0) {
    ++home.counters.accept_errors;
    connection->close();
  } else if (home.connections.size() >= home.options.connections_max ||
             (home.options.budget && !home.options.budget->take())) {
    connection->turn_away();
  } else {
    connection->begin();
  }
}

void Connection::begin() {
  index_ = home_.connections.size();
  home_.connections.push_back(this);
  at_home_ = true;
  ++home_.counters.connections_accepted;
  ++home_.counters.connections_open;
  if (int bytes = home_.options.send_buffer_bytes; bytes > 0) uv_send_buffer_size(stream_.handle(), &bytes);
  if (home_.is_pipe) {
    std::strcpy(peer_, "unix");
  } else {
    uv_tcp_nodelay(&stream_.tcp, 1);
    sockaddr_storage address;
    int length = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    if (uv_tcp_getpeername(&stream_.tcp, name, &length) == 0) uv_ip_name(name, peer_, sizeof peer_);
  }
  if (home_.options.tls) seal_ = Seal::silent;
  active_ = home_.loop.now();
  read_or_not();
}

// One connection too many: told so in one write, as far as that goes.
void Connection::turn_away() {
  ++home_.counters.connections_refused;
  if (home_.options.tls) return close();  // a client of TLS could not read it
  ReplyMode mode;
  mode.keep_alive = false;
  append_reply(out_, home_.handler.protocol_error(Error::overloaded, "Too many connections", Request()), mode,
               home_.date_line());
  uv_buf_t buffer = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
  uv_try_write(stream_.stream(), &buffer, 1);
  close();
}

// --- write

void Connection::want_flush() {
  if (std::exchange(in_to_flush_, true)) return;
  home_.to_flush.push_back(this);
  home_.loop.settle_again();
}

void Connection::want_resume() {
  if (std::exchange(in_to_resume_, true)) return;
  home_.to_resume.push_back(this);
  home_.loop.settle_again();
}

void Connection::flush() {
  in_to_flush_ = false;
  bool was_blocked = blocked();
  if (has_output() && writing_.empty()) write();
  if (life_ == Life::closed) return;
  if (was_blocked && !blocked()) want_resume();
  read_or_not();
  if (life_ == Life::finishing && unanswered_ == 0 && !has_output() && writing_.empty()) finish();
}

void Connection::write() {
  std::string& output = this->output();
  if (output.empty()) return close();  // it could not be sealed
  uv_buf_t buffer = uv_buf_init(output.data(), static_cast<unsigned>(output.size()));
  int count = uv_try_write(stream_.stream(), &buffer, 1);
  if (count < 0 && count != UV_EAGAIN) return close();
  size_t sent = count > 0 ? static_cast<size_t>(count) : 0;
  home_.counters.bytes_out += sent;
  if (sent < output.size()) return write_rest(output, sent);
  let_go_of_large(output, tls_ ? limits::kept_sealed_bytes_max : limits::kept_output_bytes_max);
}

// The socket is full: libuv writes the rest when there is room.
void Connection::write_rest(std::string& output, size_t already_written) {
  writing_.swap(output);
  write_left_ = writing_.size() - already_written;
  write_began_ = home_.loop.now();
  uv_buf_t rest = uv_buf_init(writing_.data() + already_written, static_cast<unsigned>(write_left_));
  write_bytes_ = write_left_;
  auto done = [](uv_write_t* request, int status) {
    static_cast<Connection*>(request->handle->data)->written(status);
  };
  CHECK(uv_write(&write_, stream_.stream(), &rest, 1, done) == 0);
}

void Connection::written(int status) {
  if (life_ == Life::closed) return;
  if (status < 0) return close();
  home_.counters.bytes_out += write_bytes_;
  let_go_of_large(writing_, limits::kept_output_bytes_max);
  active_ = home_.loop.now();
  want_flush();
  if (!blocked()) want_resume();
}

// --- end

void Connection::finish() {
  if (seal_ == Seal::sealed && tls_->say_goodbye()) return want_flush();
  if (refused_ && !peer_ended_) return linger();
  close();
}

void Connection::linger() {
  life_ = Life::lingering;
  write_began_ = home_.loop.now();
  auto done = [](uv_shutdown_t*, int) {};
  if (uv_shutdown(&shutdown_, stream_.stream(), done) != 0) return close();
  read_or_not();
}

void Connection::close() {
  if (life_ == Life::closed) return;
  leave_home();
  uv_close(stream_.handle(), [](uv_handle_t* handle) { freed(*static_cast<Connection*>(handle->data)); });
}

// With a reset: what is unsent, here and in the kernel, is thrown away.
void Connection::cut() {
  if (life_ == Life::closed) return;
  auto done = [](uv_handle_t* handle) { freed(*static_cast<Connection*>(handle->data)); };
  if (home_.is_pipe || uv_tcp_close_reset(&stream_.tcp, done) != 0) return close();  // already half closed
  leave_home();
}

void Connection::leave_home() {
  life_ = Life::closed;
  while (first_ != nullptr) detail::give_slot(*std::exchange(first_, first_->next));
  last_ = nullptr;
  if (socket_ != nullptr) leave_socket();
  end_handshake();
  if (in_to_flush_) forget(home_.to_flush, this);
  if (in_to_resume_) forget(home_.to_resume, this);
  if (!at_home_) return;
  home_.connections[index_] = home_.connections.back();
  home_.connections[index_]->index_ = index_;
  home_.connections.pop_back();
  --home_.counters.connections_open;
  if (home_.options.budget) home_.options.budget->give();
}

void Connection::freed(Connection& connection) {
  HttpHome& home = connection.home_;
  delete &connection;
  home.handle_closed();
}

// --- time

void Connection::look_at_clock(Micros now) {
  if (socket_ != nullptr && life_ == Life::open) socket_->session->tick();
  if (seal_ != Seal::plain && seal_ != Seal::sealed) {
    check_handshake(now);
  } else if (life_ == Life::lingering) {
    if (now - write_began_ > home_.options.linger_timeout_us) close();
  } else if (!writing_.empty()) {
    check_reader(now);
  } else if (socket_ != nullptr) {
    check_socket(now);
  } else if (life_ == Life::open && !blocked()) {
    request_began_ != 0 ? check_request_time(now) : check_idle(now);
  }
}

// A reader must take everything, or at least write_progress_bytes_min, in each write timeout.
void Connection::check_reader(Micros now) {
  if (now - write_began_ <= home_.options.write_timeout_us) return;
  size_t left = uv_stream_get_write_queue_size(stream_.stream());
  if (write_left_ - left < limits::write_progress_bytes_min) {
    ++home_.counters.slow_readers;
    return cut();
  }
  write_left_ = left;
  write_began_ = now;
}

// Absolute: a byte now and then does not help.
void Connection::check_request_time(Micros now) {
  bool late = parser_.in_body() ? now - body_began_ > home_.options.body_timeout_us
                                : now - request_began_ > home_.options.headers_timeout_us;
  if (!late) return;
  ++home_.counters.timeouts;
  refuse(Error::request_timeout, parser_.in_body() ? "The body took too long" : "The header took too long", input_.data());
  input_.release();
  read_or_not();
}

void Connection::check_idle(Micros now) {
  if (unanswered_ > 0) return;
  bool late = home_.draining ? now - std::max(active_, home_.draining_since) > home_.options.drain_idle_us
                             : now - active_ > home_.options.idle_timeout_us;
  if (!late) return;
  home_.counters.timeouts += !home_.draining;
  life_ = Life::finishing;
  want_flush();
}

}  // namespace headrace
