// TlsStream: TLS over a connected socket, for the tools: send() and recv() as the system has them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "src/base/result.h"

struct ssl_st;

namespace headrace {

// Operation: connect() on a blocking socket; the socket may be non-blocking afterwards. Does not close it.
// Lives on: one thread.
class TlsStream {
 public:
  // Verifies the server's certificate for `host` by the system's roots, or those that SSL_CERT_FILE names.
  static Result<std::unique_ptr<TlsStream>> connect(int socket, const std::string& host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // As send(2) and recv(2), errno included.
  ssize_t send(const char* bytes, size_t count);
  ssize_t recv(char* room, size_t size);

 private:
  explicit TlsStream(ssl_st* ssl) : ssl_(ssl) {}
  ssize_t outcome(int result);
  ssl_st* ssl_;
};

}  // namespace headrace
