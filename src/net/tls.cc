// OpenSSL over a BIO of our own: it reads where the received bytes lie and appends to a string.
#include "src/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "src/base/check.h"
#include "src/net/tls_names.h"

namespace headrace {

// OpenSSL's callbacks.
struct TlsCalls {
  static Tls& self(BIO* bio) { return *static_cast<Tls*>(BIO_get_data(bio)); }
  static int read(BIO* bio, char* to, size_t room, size_t* count) {
    BIO_clear_retry_flags(bio);
    std::string_view& unread = self(bio).unread_;
    if (unread.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *count = unread.copy(to, room);
    unread.remove_prefix(*count);
    return 1;
  }
  static int write(BIO* bio, const char* from, size_t size, size_t* count) {
    BIO_clear_retry_flags(bio);
    self(bio).sink_->append(from, size);
    *count = size;
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "headrace");
    CHECK(method != nullptr);
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = make();
    return made;
  }
};

Tls::Tls(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  BIO* bio = BIO_new(TlsCalls::method());
  CHECK(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

Tls::~Tls() { SSL_free(ssl_); }

// A record: type, version (2 bytes), length (2 bytes, big endian), content (RFC 8446 5.1). What is no record, or longer
// than one may be, OpenSSL is to see at once.
size_t Tls::whole_records() const {
  size_t at = 0;
  while (at < inbox_.size()) {
    const char* record = inbox_.data() + at;
    const size_t left = inbox_.size() - at;
    if (record[0] < 20 || record[0] > 24) return inbox_.size();
    if (left < 5) break;
    const size_t length = static_cast<size_t>(static_cast<uint8_t>(record[3])) << 8 | static_cast<uint8_t>(record[4]);
    if (length > limits::tls_record_bytes_max) return inbox_.size();
    if (left < 5 + length) break;
    at += 5 + length;
  }
  return at;
}

Tls::Outcome Tls::outcome_of(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::more;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::ended;
    default:
      broken_ = true;
      failure_ = tls_error();
      return Outcome::failed;
  }
}

// Who the client is. A session may outlive the certificate that began it.
bool Tls::accept_client() {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return true;
  client_subject_ = subject_of(certificate);
  if (client_subject_.empty())
    failure_ = "the subject of the client certificate is empty or too long";
  else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
    failure_ = "the client certificate has expired";
  broken_ = !failure_.empty();
  return !broken_;
}

Tls::Outcome Tls::shake_hands() {
  ERR_clear_error();
  // Whole ones only: of what OpenSSL has begun to read the rest could look like a record of its own.
  const size_t whole = whole_records();
  unread_ = std::string_view(inbox_).substr(0, whole);
  const int result = SSL_do_handshake(ssl_);
  inbox_.erase(0, whole - unread_.size());
  unread_ = {};
  if (result != 1) return outcome_of(result);
  if (!accept_client()) return Outcome::failed;
  open_ = true;
  return Outcome::open;
}

bool Tls::resumed() const { return SSL_session_reused(ssl_) == 1; }

Tls::Unsealed Tls::unseal(std::string_view sealed, char* to) {
  ERR_clear_error();
  const size_t room = room_for(sealed.size());
  unread_ = sealed;
  Unsealed done{0, Outcome::more};
  while (true) {
    CHECK(done.bytes < room);
    size_t count = 0;
    const int result = SSL_read_ex(ssl_, to + done.bytes, room - done.bytes, &count);
    if (result != 1) {
      done.outcome = outcome_of(result);
      break;
    }
    done.bytes += count;
  }
  CHECK(unread_.empty() || done.outcome != Outcome::more);
  unread_ = {};
  return done;
}

bool Tls::seal(std::string_view plain, std::string& out) {
  out.append(output_);
  output_.clear();
  if (plain.empty()) return true;
  if (broken_ || said_goodbye_) return false;
  ERR_clear_error();
  sink_ = &out;
  size_t written = 0;
  const int result = SSL_write_ex(ssl_, plain.data(), plain.size(), &written);
  sink_ = &output_;
  if (result == 1) return true;
  outcome_of(result);
  return false;
}

bool Tls::say_goodbye() {
  if (!open_ || broken_ || std::exchange(said_goodbye_, true)) return false;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  return true;
}

}  // namespace headrace
