// The checks of a request's head. Section numbers are RFC 9112 unless they say otherwise.
#include "src/net/request_head.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "src/net/text.h"

namespace headrace {
namespace {

constexpr Refusal accepted{Error::malformed_request, nullptr};

Refusal malformed(const char* detail) { return {Error::malformed_request, detail}; }

// Exactly "METHOD SP target SP HTTP/x.y": llhttp takes more blanks and other protocols' names (section 3).
Refusal check_request_line(const RequestHead& head, const char* window) {
  if (head.target.begin != head.start + head.method_name.size() + 1) {
    return malformed("One space separates method and target");
  }
  constexpr std::string_view between = " HTTP/";
  if (head.version.length == 0) return malformed("The request line names no version");
  if (head.version.begin != head.target.end() + between.size() ||
      std::memcmp(window + head.target.end(), between.data(), between.size()) != 0) {
    return malformed("The request line is not 'method target HTTP/x.y'");
  }
  return accepted;
}

Refusal check_version(RequestHead& head, const char* window) {
  std::string_view version = head.version.in(window);
  if (version != "1.1" && version != "1.0") {
    return {Error::version_not_supported, "Only HTTP/1.0 and HTTP/1.1 are spoken here"};
  }
  head.minor_version = version == "1.1" ? 1 : 0;
  return accepted;
}

std::optional<Method> method_of(std::string_view name) {
  for (size_t i = 0; i < method_count; ++i) {
    if (name_of(static_cast<Method>(i)) == name) return static_cast<Method>(i);
  }
  return std::nullopt;
}

// --- target (section 3.2)

bool is_target_text(std::string_view target) {
  return std::all_of(target.begin(), target.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' &&
           c != '`' && c != '{' && c != '|' && c != '}';
  });
}

// Where the path starts in "http://authority/path"; npos when it is no such target.
size_t path_of_absolute(std::string_view target) {
  size_t scheme = starts_with_any_case(target, "http://")    ? 7
                  : starts_with_any_case(target, "https://") ? 8
                                                             : 0;
  if (scheme == 0) return std::string_view::npos;
  size_t path = std::min(target.find_first_of("/?", scheme), target.size());
  std::string_view authority = target.substr(scheme, path - scheme);
  return is_authority(authority) && !authority.empty() ? path : std::string_view::npos;
}

void split_target(RequestHead& head, std::string_view target, size_t path) {
  size_t question = std::min(target.find('?', path), target.size());
  auto at = [&](size_t from, size_t to) {
    return Span{head.target.begin + static_cast<uint32_t>(from), static_cast<uint32_t>(to - from)};
  };
  head.path = at(path, question);
  head.query = question == target.size() ? at(question, question) : at(question + 1, target.size());
}

Refusal check_target(RequestHead& head, const char* window) {
  std::string_view target = head.target.in(window);
  if (!is_target_text(target)) return malformed("The target holds characters that a URI may not");
  if (target[0] == '/') {
    split_target(head, target, 0);
  } else if (target == "*" && head.method == Method::OPTIONS) {
    split_target(head, target, 0);
  } else if (size_t path = path_of_absolute(target); path != std::string_view::npos) {
    split_target(head, target, path);
    // An empty path means "/" (RFC 9110 4.2.3): here the last slash of "http://".
    if (head.path.length == 0) head.path = {head.target.begin + static_cast<uint32_t>(target.find('/')), 1};
  } else {
    return malformed("The target is neither a path nor an http URI");
  }
  return accepted;
}

// --- header fields

struct Counted {
  size_t host = 0, content_length = 0, transfer_encoding = 0, expect = 0;
  bool close = false, keep_alive = false, upgrade = false;
};

void read_connection(std::string_view value, Counted& counted) {
  for_each_token(value, [&](std::string_view token) {
    counted.close |= equal_any_case(token, "close");
    counted.keep_alive |= equal_any_case(token, "keep-alive");
    counted.upgrade |= equal_any_case(token, "upgrade");
  });
}

Refusal read_fields(RequestHead& head, const char* window, Counted& counted) {
  for (size_t i = 0; i < head.headers.size(); ++i) {
    HeaderSpan& field = head.headers[i];
    Known known = known_of(field.name.in(window));
    if (known == Known::other) continue;
    uint16_t& first = head.known[static_cast<size_t>(known)];
    if (first == 0) first = static_cast<uint16_t>(i + 1);
    switch (known) {
      case Known::host:
        ++counted.host;
        if (!is_authority(field.value.in(window))) return malformed("Host is not a host");
        break;
      case Known::content_length:
        ++counted.content_length;
        break;
      case Known::transfer_encoding:
        ++counted.transfer_encoding;
        break;
      case Known::expect:
        ++counted.expect;
        break;
      case Known::connection:
        read_connection(field.value.in(window), counted);
        break;
      default:
        break;
    }
  }
  return accepted;
}

std::string_view first_value(const RequestHead& head, const char* window, Known known) {
  uint16_t index = head.known[static_cast<size_t>(known)];
  return index == 0 ? std::string_view() : head.headers[index - 1u].value.in(window);
}

// Section 3.2: exactly one for 1.1, and never two.
Refusal check_host(const RequestHead& head, const Counted& counted) {
  if (counted.host > 1) return malformed("Host is given more than once");
  if (counted.host == 0 && head.minor_version == 1) return malformed("Host is missing");
  return accepted;
}

// Section 6.1: "chunked" alone is known. Where it is not last, the length of the body cannot be known: 400.
Refusal check_transfer_encoding(RequestHead& head, const char* window, const Counted& counted) {
  if (counted.transfer_encoding == 0) return accepted;
  if (head.minor_version == 0) return malformed("HTTP/1.0 knows no Transfer-Encoding");
  if (counted.content_length > 0) return malformed("Content-Length and Transfer-Encoding exclude each other");
  if (counted.transfer_encoding > 1) return malformed("Transfer-Encoding is given more than once");
  std::string_view value = first_value(head, window, Known::transfer_encoding);
  if (value.empty()) return malformed("Transfer-Encoding is empty");
  if (equal_any_case(value, "chunked")) {
    head.chunked = true;
    return accepted;
  }
  size_t chunked = 0;
  bool last = false;
  for_each_token(value, [&](std::string_view token) {
    last = equal_any_case(token, "chunked");
    chunked += last;
  });
  if (chunked > 1 || (chunked == 1 && !last)) return malformed("chunked must be the last transfer coding");
  return {Error::not_supported, "No transfer coding but chunked is known"};
}

// Section 6.2: one field, digits only (RFC 9110 8.6). Values that do not fit are refused by the body's limit.
Refusal check_content_length(RequestHead& head, const char* window, const Counted& counted) {
  if (counted.content_length == 0) return accepted;
  if (counted.content_length > 1) return malformed("Content-Length is given more than once");
  std::string_view value = first_value(head, window, Known::content_length);
  if (value.empty() || value.size() > 18) return malformed("Content-Length is not a length");
  uint64_t length = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return malformed("Content-Length is not a number");
    length = 10 * length + static_cast<uint64_t>(c - '0');
  }
  head.content_length = length;
  return accepted;
}

// RFC 9110 10.1.1. An HTTP/1.0 client cannot mean it.
Refusal check_expect(RequestHead& head, const char* window, const Counted& counted) {
  if (counted.expect == 0 || head.minor_version == 0) return accepted;
  if (counted.expect > 1 || !equal_any_case(first_value(head, window, Known::expect), "100-continue")) {
    return {Error::expectation_failed, "Only Expect: 100-continue is known"};
  }
  head.expects_continue = true;
  return accepted;
}

// RFC 9110 7.8. Other protocols are not spoken here; the request is then answered as if it had not asked.
bool asks_for_websocket(const RequestHead& head, const char* window) {
  bool found = false;
  for (auto& field : head.headers)
    if (equal_any_case(field.name.in(window), "upgrade"))
      for_each_token(field.value.in(window), [&](std::string_view token) { found |= equal_any_case(token, "websocket"); });
  return found;
}

Refusal check_fields(RequestHead& head, const char* window) {
  Counted counted;
  if (auto refused = read_fields(head, window, counted)) return refused;
  head.keep_alive = !counted.close && (head.minor_version == 1 || counted.keep_alive);
  head.upgrades = counted.upgrade && head.minor_version == 1 && asks_for_websocket(head, window);
  if (auto refused = check_host(head, counted)) return refused;
  if (auto refused = check_transfer_encoding(head, window, counted)) return refused;
  if (auto refused = check_content_length(head, window, counted)) return refused;
  return check_expect(head, window, counted);
}

}  // namespace

void RequestHead::clear() {
  RequestHead fresh;
  fresh.headers.swap(headers);  // keeps its memory
  fresh.headers.clear();
  *this = std::move(fresh);
}

Refusal check_head(RequestHead& head, const char* window) {
  if (auto refused = check_request_line(head, window)) return refused;
  if (auto refused = check_version(head, window)) return refused;
  auto method = method_of(head.method_name);
  if (!method) return {Error::not_supported, "This method is not supported"};
  head.method = *method;
  if (auto refused = check_target(head, window)) return refused;
  return check_fields(head, window);
}

}  // namespace headrace
