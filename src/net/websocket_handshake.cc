// The checks of an opening handshake. Section numbers are RFC 6455's.
#include <openssl/evp.h>

#include <array>

#include "src/base/check.h"
#include "src/net/text.h"
#include "src/net/websocket.h"

namespace headrace {
namespace {

constexpr std::string_view key_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // 1.3

bool has_token(std::string_view list, std::string_view wanted) {
  bool found = false;
  for_each_token(list, [&](std::string_view token) { found |= equal_any_case(token, wanted); });
  return found;
}

// The value of a field that must stand there once.
Result<std::string_view> only(const HeaderList& headers, std::string_view name) {
  std::string_view value;
  size_t count = 0;
  for (size_t i = 0; i < headers.size(); ++i) {
    Header header = headers[i];
    if (!equal_any_case(header.name, name)) continue;
    value = header.value;
    ++count;
  }
  if (count == 1) return value;
  return Problem{Error::malformed_request, std::string(name), count == 0 ? "is missing" : "is given more than once"};
}

bool any_field_has(const HeaderList& headers, std::string_view name, std::string_view token) {
  for (size_t i = 0; i < headers.size(); ++i) {
    Header header = headers[i];
    if (equal_any_case(header.name, name) && has_token(header.value, token)) return true;
  }
  return false;
}

// Base64 (RFC 4648 section 4) of 16 bytes: 22 characters, of the last only its upper two bits, and "==".
bool is_key(std::string_view text) {
  constexpr size_t characters = 22;
  if (text.size() != characters + 2 || !text.ends_with("==")) return false;
  for (char c : text.substr(0, characters)) {
    bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!fits) return false;
  }
  return std::string_view("AQgw").find(text[characters - 1]) != std::string_view::npos;
}

std::string accept_of(std::string_view key) {
  std::string text = std::string(key).append(key_suffix);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned bytes = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr) == 1);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64;
  int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(bytes));
  return {reinterpret_cast<const char*>(base64.data()), static_cast<size_t>(length)};
}

Problem not_asked() {
  return {Error::upgrade_required, "Upgrade", "this path speaks WebSocket: connect with a WebSocket client"};
}

}  // namespace

Result<Handshake> read_handshake(const Request& request) {
  const HeaderList& headers = request.headers;
  bool asked = request.method == Method::GET && request.minor_version == 1 &&
               any_field_has(headers, "upgrade", "websocket") && any_field_has(headers, "connection", "upgrade");
  if (!asked) return not_asked();
  if (!request.keep_alive) return Problem{Error::malformed_request, "Connection", "asks to upgrade and to close"};
  if (!request.body.empty()) return Problem{Error::malformed_request, "Content-Length", "a handshake has no body"};
  auto version = only(headers, "sec-websocket-version");
  if (!version.ok()) return version.problem();
  if (*version != "13") return Problem{Error::upgrade_required, "Sec-WebSocket-Version", "must be 13"};
  auto key = only(headers, "sec-websocket-key");
  if (!key.ok()) return key.problem();
  if (!is_key(*key)) return Problem{Error::malformed_request, "Sec-WebSocket-Key", "must be 16 bytes in base64"};
  return Handshake{accept_of(*key)};
}

bool is_origin_allowed(const Request& request, std::string_view allowed) {
  std::string_view origin = request.headers.known(Known::origin), host = request.headers.known(Known::host);
  if (origin.empty()) return true;
  for (std::string_view scheme : {"http://", "https://"})
    if (starts_with_any_case(origin, scheme) && equal_any_case(origin.substr(scheme.size()), host)) return true;
  bool found = false;
  for_each_token(allowed, [&](std::string_view one) { found |= one == "*" || equal_any_case(one, origin); });
  return found;
}

}  // namespace headrace
