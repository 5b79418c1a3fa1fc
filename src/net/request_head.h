// The head of a request as positions in the window, and the checks that llhttp does not make.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/net/http.h"

namespace headrace {

struct Span {
  uint32_t begin = 0, length = 0;
  std::string_view in(const char* window) const { return {window + begin, length}; }
  uint32_t end() const { return begin + length; }
  // Grows by a piece that directly follows, or starts with it.
  void extend(uint32_t at, size_t bytes) {
    if (length == 0) begin = at;
    length = at + static_cast<uint32_t>(bytes) - begin;
  }
};

struct HeaderSpan {
  Span name, value;
};

struct RequestHead {
  uint32_t start = 0;    // behind empty lines
  Span target, version;  // version: "1.1"
  Span path, query;
  std::vector<HeaderSpan> headers;
  std::array<uint16_t, known_count> known = {};  // 1 + index of the first field of that name; 0: none
  bool method_known = false;                     // the method has been parsed
  std::string_view method_name;                  // static text
  bool target_complete = false, version_complete = false;
  Method method = Method::GET;
  uint8_t minor_version = 1;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  bool upgrades = false;  // asks for WebSocket
  uint64_t content_length = 0;

  bool has_body() const { return chunked || content_length > 0; }
  void clear();
};

struct Refusal {
  Error error;
  const char* detail;  // static text; nullptr: not refused
  explicit operator bool() const { return detail != nullptr; }
};

// What RFC 9110 and 9112 ask of a head beyond its syntax, plus our own hardening; fills in what it finds out.
// Start, method_name, target, version and headers are given.
Refusal check_head(RequestHead& head, const char* window);

}  // namespace headrace
