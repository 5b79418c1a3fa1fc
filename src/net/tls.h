// Tls: one connection's TLS, sans I/O: sealed bytes in, plain bytes out, and the other way round.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "src/net/tls_context.h"

struct ssl_st;

namespace headrace {

// Operation: keep() and shake_hands() until is_open(), then unseal() and seal(). Whatever is to be sent to the client waits
// for take_output() or the next seal(). Lives on: one thread at a time. Limits: what the client says of itself is bounded
// by OpenSSL; unseal() and seal() hold back at most one record.
class Tls {
 public:
  enum class Outcome : uint8_t { more, open, ended, failed };

  explicit Tls(std::shared_ptr<const TlsContext> context);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // --- the handshake
  void keep(std::string_view sealed) { inbox_.append(sealed); }
  bool has_whole_record() const { return whole_records() > 0; }  // so that a step is worth its while
  // With what was kept. May take a millisecond. more: the client's turn; failed: the output says so to the client.
  Outcome shake_hands();
  bool is_open() const { return open_; }
  bool resumed() const;
  // What the client has sent behind the handshake.
  std::string take_inbox() { return std::exchange(inbox_, {}); }
  // Whom a verified client certificate names (RFC 2253); empty: the client has shown none.
  const std::string& client_subject() const { return client_subject_; }

  // --- data
  struct Unsealed {
    size_t bytes;
    Outcome outcome;  // more; ended: the client said close_notify; failed
  };
  // At most room_for(sealed.size()) bytes of plain text to `to`.
  Unsealed unseal(std::string_view sealed, char* to);
  static size_t room_for(size_t sealed_bytes) { return sealed_bytes + limits::tls_record_bytes_max; }
  // Appends what waits, then the records of `plain`, to `out`. False: not possible any more.
  bool seal(std::string_view plain, std::string& out);

  // Says close_notify, into the output. False: has been said, or nothing can be said any more.
  bool say_goodbye();

  size_t output_bytes() const { return output_.size(); }
  const std::string& failure() const { return failure_; }  // in OpenSSL's words

 private:
  friend struct TlsCalls;
  size_t whole_records() const;  // bytes of them, at the front of the inbox
  Outcome outcome_of(int result);
  bool accept_client();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
  std::string inbox_;        // during the handshake
  std::string_view unread_;  // what OpenSSL reads from
  std::string output_;
  std::string* sink_ = &output_;  // what OpenSSL writes to
  bool open_ = false, said_goodbye_ = false, broken_ = false;
  std::string client_subject_, failure_;
};

}  // namespace headrace
