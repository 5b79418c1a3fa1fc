// A small blocking HTTP/1.1 client for the tools.
#include "tools/http_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>

#include "tools/http_reply.h"

namespace headrace {
namespace {

Problem unreachable(const Origin& origin, std::string_view why) {
  return Problem(Error::overloaded, fmt::format("{}://{}: {}", origin.secure ? "https" : "http", origin.text(), why));
}

Result<uint16_t> port_in(std::string_view text) {
  uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc() || end != text.data() + text.size() || port == 0)
    return Problem(Error::invalid_input, "url", fmt::format("'{}' is not a port", text));
  return port;
}

int open_socket(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

std::string Origin::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Origin> parse_origin(std::string_view url) {
  const bool secure = url.starts_with("https://");
  if (secure || url.starts_with("http://")) url.remove_prefix(secure ? 8 : 7);
  if (!url.empty() && url.back() == '/') url.remove_suffix(1);
  if (url.empty() || url.find('/') != std::string_view::npos)
    return Problem(Error::invalid_input, "url", "write it as http://host:port");
  const size_t bracket = url.rfind(']'), colon = url.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  Origin origin{std::string(url.substr(0, has_port ? colon : url.size())), secure ? uint16_t{443} : uint16_t{80}, secure};
  if (origin.host.size() > 2 && origin.host.front() == '[')
    origin.host = origin.host.substr(1, origin.host.size() - 2);
  if (!has_port) return origin;
  auto port = port_in(url.substr(colon + 1));
  if (!port) return port.problem();
  origin.port = *port;
  return origin;
}

Result<int> connect_to(const Origin& origin) {
  addrinfo wish{}, *found = nullptr;
  wish.ai_socktype = SOCK_STREAM;
  if (const int code = getaddrinfo(origin.host.c_str(), std::to_string(origin.port).c_str(), &wish, &found))
    return unreachable(origin, gai_strerror(code));
  int fd = -1;
  for (const addrinfo* at = found; at && fd < 0; at = at->ai_next) fd = open_socket(*at);
  const int why = errno;
  freeaddrinfo(found);
  if (fd < 0) return unreachable(origin, std::strerror(why));
  return fd;
}

void append_request(const Origin& origin, const HttpRequest& request, std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, origin.text());
  if (!request.key.empty()) fmt::format_to(to, "X-API-Key: {}\r\n", request.key);
  if (request.method != "GET")
    fmt::format_to(to, "Content-Type: {}\r\nContent-Length: {}\r\n", request.content_type,
                   request.body.size());
  out += "\r\n";
  out += request.body;
}

HttpClient::HttpClient(Origin origin, std::string key, Micros silence_max_us)
    : origin_(std::move(origin)), key_(std::move(key)), silence_max_us_(silence_max_us) {}

HttpClient::~HttpClient() { close_socket(); }

Result<HttpReply> HttpClient::get(std::string_view path) { return exchange({"GET", path, key_, {}, {}}); }

Result<HttpReply> HttpClient::post(std::string_view path, std::string_view body,
                                   std::string_view content_type) {
  return exchange({"POST", path, key_, content_type, body});
}

Result<HttpReply> HttpClient::exchange(const HttpRequest& request) {
  std::string wire;
  append_request(origin_, request, wire);
  return exchange(wire);
}

// A connection that was closed while idle is opened again. A request whose reply was lost is not repeated: it
// may have been carried out.
Result<HttpReply> HttpClient::exchange(std::string_view wire) {
  char probe;
  if (socket_ >= 0 && ::recv(socket_, &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 0) close_socket();
  if (socket_ < 0) TRY_DONE(open());
  auto reply = try_once(wire);
  if (!reply) close_socket();
  return reply;
}

Result<HttpReply> HttpClient::try_once(std::string_view wire) {
  TRY_DONE(send_all(wire));
  return receive();
}

Result<> HttpClient::open() {
  auto fd = connect_to(origin_);
  if (!fd) return fd.problem();
  socket_ = *fd;
  const timeval silence{static_cast<time_t>(silence_max_us_ / second_us),
                        static_cast<suseconds_t>(silence_max_us_ % second_us)};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
  if (!origin_.secure) return Done{};
  auto tls = TlsStream::connect(socket_, origin_.host);
  if (!tls.ok()) {
    close_socket();
    return tls.problem();
  }
  tls_ = std::move(*tls);
  return Done{};
}

Result<> HttpClient::send_all(std::string_view wire) {
  while (!wire.empty()) {
    const ssize_t sent = tls_ ? tls_->send(wire.data(), wire.size()) : ::send(socket_, wire.data(), wire.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return unreachable(origin_, std::strerror(errno));
    wire.remove_prefix(static_cast<size_t>(sent));
  }
  return Done{};
}

Result<HttpReply> HttpClient::receive() {
  std::string in;
  char piece[64 * 1024];
  while (in.size() < reply_bytes_max) {
    const ssize_t got = tls_ ? tls_->recv(piece, sizeof piece) : ::recv(socket_, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return unreachable(origin_, "closed the connection before its reply was whole");
    if (got < 0)
      return unreachable(origin_, errno == EAGAIN ? "did not answer in time" : std::strerror(errno));
    in.append(piece, static_cast<size_t>(got));
    const auto reply = first_reply(in);
    if (!reply) return reply.problem();
    if (!*reply) continue;
    if ((*reply)->closes) close_socket();
    return HttpReply{(*reply)->status, whole_body(**reply)};
  }
  return unreachable(origin_, "sent a reply that is too large");
}

void HttpClient::close_socket() {
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

}  // namespace headrace
