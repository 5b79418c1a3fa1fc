// OpenSSL as a client.
#include "tools/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>

#include "src/base/check.h"

namespace headrace {
namespace {

SSL_CTX* make_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  SSL_CTX_set_default_verify_paths(context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

SSL_CTX* shared_context() {
  static SSL_CTX* const context = make_context();
  return context;
}

bool expect(SSL* ssl, const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  const bool numeric =
      inet_pton(AF_INET, host.c_str(), address) == 1 || inet_pton(AF_INET6, host.c_str(), address) == 1;
  if (numeric) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

std::string why(SSL* ssl) {
  if (const long code = SSL_get_verify_result(ssl); code != X509_V_OK) return X509_verify_cert_error_string(code);
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason ? reason : "the connection was closed";
}

}  // namespace

Result<std::unique_ptr<TlsStream>> TlsStream::connect(int socket, const std::string& host) {
  std::unique_ptr<TlsStream> stream(new TlsStream(SSL_new(shared_context())));
  SSL* ssl = stream->ssl_;
  CHECK(ssl != nullptr && SSL_set_fd(ssl, socket) == 1);
  ERR_clear_error();
  if (!expect(ssl, host) || SSL_connect(ssl) != 1) return Problem(Error::overloaded, "https://" + host + ": " + why(ssl));
  return stream;
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

ssize_t TlsStream::outcome(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    default:
      errno = ECONNRESET;
      return -1;
  }
}

ssize_t TlsStream::send(const char* bytes, size_t count) {
  ERR_clear_error();
  size_t sent = 0;
  const int result = SSL_write_ex(ssl_, bytes, count, &sent);
  return result == 1 ? static_cast<ssize_t>(sent) : outcome(result);
}

ssize_t TlsStream::recv(char* room, size_t size) {
  ERR_clear_error();
  size_t got = 0;
  const int result = SSL_read_ex(ssl_, room, size, &got);
  return result == 1 ? static_cast<ssize_t>(got) : outcome(result);
}

}  // namespace headrace
