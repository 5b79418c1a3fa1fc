// One keep-alive connection of the load generator.
#include "tools/load_connection.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace headrace {
namespace {

constexpr size_t read_bytes = 64 * 1024;

}  // namespace

Nanos now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Nanos>(now.tv_sec) * 1'000'000'000 + static_cast<Nanos>(now.tv_nsec);
}

LoadConnection::~LoadConnection() {
  if (socket_ >= 0) ::close(socket_);
}

Result<> LoadConnection::open(const Origin& origin, int epoll, uint32_t index, const std::string& request) {
  if (socket_ >= 0) ::close(socket_);
  auto fd = connect_to(origin);
  socket_ = fd ? *fd : -1;
  tls_.reset();
  if (!fd) return fd.problem();
  if (origin.secure) {
    auto tls = TlsStream::connect(socket_, origin.host);
    if (!tls.ok()) return tls.problem();
    tls_ = std::move(*tls);
  }
  is_websocket_ = !request.empty();
  if (is_websocket_ && tls_) return Problem{Error::conflict, "WebSockets are measured without TLS"};
  if (is_websocket_) TRY_DONE(upgrade(socket_, request));
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
  epoll_ = epoll;
  index_ = index;
  out_.clear();
  since_.clear();
  out_sent_ = in_used_ = 0;
  watches_writable_ = ended_ = false;
  epoll_event want{EPOLLIN, {.u32 = index_}};
  CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &want) == 0);
  return Done{};
}

void LoadConnection::queue(RequestPool& pool, Nanos since) {
  pool.append_next(out_);
  since_.push_back(since);
}

bool LoadConnection::flush() {
  while (out_sent_ < out_.size()) {
    const char* rest = out_.data() + out_sent_;
    const size_t size = out_.size() - out_sent_;
    const ssize_t sent = tls_ ? tls_->send(rest, size) : ::send(socket_, rest, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return false;
    out_sent_ += static_cast<size_t>(sent);
  }
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = 0;
  }
  watch(!out_.empty());
  return true;
}

void LoadConnection::watch(bool writable) {
  if (writable == watches_writable_) return;
  watches_writable_ = writable;
  epoll_event want{writable ? EPOLLIN | EPOLLOUT : EPOLLIN, {.u32 = index_}};
  CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &want) == 0);
}

// One read per wake-up: epoll is level-triggered, so what is left wakes us again. But what TLS has taken in does not.
bool LoadConnection::fill() {
  size_t before = in_used_;
  while (fill_once()) {
    if (!tls_ || in_used_ == before) return true;
    before = in_used_;
  }
  return false;
}

bool LoadConnection::fill_once() {
  if (in_.size() < in_used_ + read_bytes) in_.resize(in_used_ + 2 * read_bytes);
  char* room = in_.data() + in_used_;
  const size_t size = in_.size() - in_used_;
  const ssize_t got = tls_ ? tls_->recv(room, size) : ::recv(socket_, room, size, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  in_used_ += static_cast<size_t>(got);
  return true;
}

}  // namespace headrace
