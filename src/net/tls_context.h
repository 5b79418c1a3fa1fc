// TlsContext: certificate, key and rules of TLS, as one immutable value; TlsSource: the files they are read from, read again
// when asked. Rules: TLS 1.2 and 1.3, the ciphers of Mozilla's "intermediate" without finite-field Diffie-Hellman (slow
// for the server, and every client of that list has an elliptic curve), no renegotiation, no compression, no early data.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/net/ticket_keys.h"

struct ssl_ctx_st;

namespace headrace {

enum class ClientCertificates : uint8_t { none, optional, required };

// Files in PEM. The certificate stands first in its file, then what leads from it to a root.
struct TlsFiles {
  std::string certificate, key, client_ca;
  ClientCertificates client_certificates = ClientCertificates::none;
};

// Lives on: any thread; a connection keeps the one it began with.
class TlsContext {
 public:
  // Errors: bad_configuration, naming the file and what is wrong with it, never its content.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files, std::shared_ptr<TicketKeys> tickets);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* native() const { return context_; }
  Micros expires() const { return expires_; }  // wall clock
  const std::string& subject() const { return subject_; }

 private:
  explicit TlsContext(std::shared_ptr<TicketKeys> tickets);
  Result<> read_certificate(const TlsFiles& files);
  Result<> read_client_ca(const TlsFiles& files);
  void tell_sessions_apart(const TlsFiles& files);

  ssl_ctx_st* context_;
  std::shared_ptr<TicketKeys> tickets_;
  Micros expires_ = 0;
  std::string subject_;
};

// Operation: connections take current() as they begin. Lives on: any thread.
class TlsSource {
 public:
  // An expired certificate is taken: a server that does not start is worse, and who verifies will say so.
  static Result<std::shared_ptr<TlsSource>> open(TlsFiles files, std::shared_ptr<TicketKeys> tickets);

  std::shared_ptr<const TlsContext> current() const;
  // Reads the files again. On a Problem, also that the new certificate has expired, everything stays as it is.
  Result<> reload(Micros wall);

 private:
  TlsSource(TlsFiles files, std::shared_ptr<TicketKeys> tickets)
      : files_(std::move(files)), tickets_(std::move(tickets)) {}

  const TlsFiles files_;
  const std::shared_ptr<TicketKeys> tickets_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> current_;
};

}  // namespace headrace
