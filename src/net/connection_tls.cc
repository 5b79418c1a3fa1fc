// A connection's TLS: the handshake in steps, records to plain text, output to records.
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/base/log.h"
#include "src/net/connection.h"

namespace headrace {
namespace {

// Records begin with a type from 20 to 24 (RFC 8446 5.1).
bool looks_like_text(char first) { return (first >= ' ' && first <= '~') || first == '\r' || first == '\n'; }

}  // namespace

// --- the handshake

void Connection::shake_hands(std::string_view sealed) {
  if (seal_ == Seal::silent) {
    if (looks_like_text(sealed.front())) return refuse_plain_text();
    begin_handshake();
    if (life_ == Life::closed) return;
  }
  tls_->keep(sealed);
  if (!tls_->has_whole_record()) return;
  seal_ = Seal::in_step;
  read_or_not();
  home_.handshakes.step(*this, std::move(tls_));
}

void Connection::refuse_plain_text() {
  seal_ = Seal::plain;
  refuse(Error::malformed_request, "This port speaks TLS: use https", nullptr);
  read_or_not();
}

void Connection::begin_handshake() {
  if (home_.counters.handshakes_under_way >= home_.options.handshakes_max) {
    ++home_.counters.handshakes_refused;
    return close();
  }
  ++home_.counters.handshakes_under_way;
  tls_ = std::make_unique<Tls>(home_.options.tls->current());
  seal_ = Seal::shaking_hands;
}

// Well or not.
void Connection::end_handshake() {
  if (!handshake_under_way()) return;
  if (seal_ == Seal::in_step) home_.handshakes.forget(*this);
  --home_.counters.handshakes_under_way;
  seal_ = Seal::silent;
}

void Connection::handshake_stepped(std::unique_ptr<Tls> tls, Tls::Outcome outcome) {
  tls_ = std::move(tls);
  seal_ = Seal::shaking_hands;
  if (outcome != Tls::Outcome::more && outcome != Tls::Outcome::open) {
    ++home_.counters.handshakes_failed;
    return broke_off();
  }
  if (outcome == Tls::Outcome::more) {
    if (tls_->output_bytes() > 0) want_flush();
    return read_or_not();
  }
  end_handshake();
  seal_ = Seal::sealed;
  ++home_.counters.handshakes;
  home_.counters.handshakes_resumed += tls_->resumed();
  active_ = home_.loop.now();
  std::string rest = tls_->take_inbox();
  want_flush();
  rest.empty() ? read_or_not() : unseal(rest);
}

// What is to be said about it is said, as far as that goes.
void Connection::broke_off() {
  if (is_logged(Level::debug)) {
    const std::string why = tls_->failure();
    log_line(Level::debug, "tls_failed", {{"peer", std::string_view(peer_)}, {"reason", std::string_view(why)}});
  }
  if (writing_.empty()) {
    home_.sealed.clear();
    tls_->seal({}, home_.sealed);
    uv_buf_t alert = uv_buf_init(home_.sealed.data(), static_cast<unsigned>(home_.sealed.size()));
    if (alert.len > 0) uv_try_write(stream_.stream(), &alert, 1);
  }
  close();
}

// Absolute, and for us as for the client: a step that waits for a worker so long is not worth taking any more.
void Connection::check_handshake(Micros now) {
  const Micros patience = home_.draining ? home_.options.drain_idle_us : home_.options.handshake_timeout_us;
  const Micros since = home_.draining ? std::max(active_, home_.draining_since) : active_;
  if (now - since <= patience) return;
  home_.counters.timeouts += !home_.draining;
  close();
}

// --- records

void Connection::unseal(std::string_view sealed) {
  const bool into_own = !input_.empty();
  CHECK(sealed.size() <= limits::sealed_bytes_max);
  const size_t room = Tls::room_for(sealed.size());
  char* to = into_own ? input_.room(std::max(room, std::min(parser_.missing_bytes(), limits::read_bytes * 16)))
                      : home_.unsealed.get();
  const Tls::Unsealed done = tls_->unseal(sealed, to);
  if (tls_->output_bytes() > 0) want_flush();
  if (done.bytes > 0) received(done.bytes, into_own);
  if (life_ == Life::closed) return;
  if (done.outcome == Tls::Outcome::ended) return ended();
  if (done.outcome == Tls::Outcome::more) return read_or_not();
  ++home_.counters.tls_failures;
  broke_off();
}

bool Connection::has_output() const {
  if (seal_ == Seal::in_step) return false;
  return !out_.empty() || (tls_ && tls_->output_bytes() > 0);
}

// What goes out: as it is, or sealed.
std::string& Connection::output() {
  if (!tls_) return out_;
  home_.sealed.clear();
  tls_->seal(out_, home_.sealed);
  out_.clear();
  if (out_.capacity() > limits::kept_output_bytes_max) std::string().swap(out_);
  return home_.sealed;
}

}  // namespace headrace
