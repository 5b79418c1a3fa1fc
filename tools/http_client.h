// A small blocking HTTP/1.1 client for the tools: one keep-alive connection to one server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"
#include "tools/tls_stream.h"

namespace headrace {

struct Origin {
  std::string host;
  uint16_t port = 80;
  bool secure = false;  // https
  std::string text() const;  // "host:port", as in the Host field
};

// "http://host", "https://host:port" or "host:port", with an optional "/" at the end.
Result<Origin> parse_origin(std::string_view url);

// A connected TCP socket with Nagle's algorithm off; the caller closes it.
Result<int> connect_to(const Origin& origin);

struct HttpRequest {
  std::string_view method, path, key, content_type, body;
};

// Appends the request as it goes over the wire; `key` becomes X-API-Key where it is not empty.
void append_request(const Origin& origin, const HttpRequest& request, std::string& out);

struct HttpReply {
  int status = 0;
  std::string body;
  bool good() const { return status >= 200 && status < 300; }
};

// Operation: one request at a time; a connection closed while idle is opened again.
// Lives on: the thread that uses it. Limits: a reply of reply_bytes_max, silence of `silence_max_us`.
class HttpClient {
 public:
  static constexpr size_t reply_bytes_max = size_t{256} << 20;

  HttpClient(Origin origin, std::string key, Micros silence_max_us = 60 * second_us);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpReply> get(std::string_view path);
  Result<HttpReply> post(std::string_view path, std::string_view body,
                         std::string_view content_type = "application/json");
  // Sends a request that append_request made.
  Result<HttpReply> exchange(std::string_view wire);

 private:
  Result<HttpReply> exchange(const HttpRequest& request);
  Result<HttpReply> try_once(std::string_view wire);
  Result<HttpReply> receive();
  Result<> open();
  Result<> send_all(std::string_view wire);
  void close_socket();

  Origin origin_;
  std::string key_;
  Micros silence_max_us_;
  int socket_ = -1;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace headrace
