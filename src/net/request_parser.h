// RequestParser: bytes to requests. llhttp, strict, with our own checks above it; no sockets, so that it can
// be fuzzed.
//
// The caller holds a window of bytes that starts at the current request. parse() looks at what it has not
// seen yet:
//   need_more  keep exactly seen() bytes of the window and append what comes next
//   head       the head is complete and announces a body: say how large it may be (limit_body), then parse()
//   again message    the request is complete: view() it, then next(); the following request starts at seen()
//   refused    error() and detail() say why; nothing more is to be read from this client
// A chunked body is decoded in place, right behind the head, so every body is contiguous and no body is
// copied twice.
#pragma once

#include <llhttp.h>

#include <cstdint>

#include "src/base/error.h"
#include "src/net/http.h"
#include "src/net/request_head.h"

namespace headrace {

struct ParserLimits {
  size_t target_bytes_max, header_bytes_max, header_count_max;
};

class RequestParser {
 public:
  enum class Step { need_more, head, message, refused };

  explicit RequestParser(const ParserLimits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  Step parse(char* window, size_t size);
  void limit_body(size_t bytes) { state_.body_bytes_max = bytes; }
  size_t body_limit() const { return state_.body_bytes_max; }
  void next();

  size_t seen() const { return state_.seen; }
  bool in_body() const { return state_.head_done; }
  size_t missing_bytes() const;  // of a body with Content-Length
  const RequestHead& head() const { return head_; }
  bool is_head_request() const { return head_.method_known && llhttp_.method == HTTP_HEAD; }
  // Fills in all but peer and memo. Views into `window` and into memory of this thread that the next view()
  // reuses.
  void view(const char* window, Request& request) const;

  Error error() const { return state_.error; }
  const char* detail() const { return state_.detail; }

 private:
  friend struct ParserCalls;

  struct State {
    size_t seen = 0;           // bytes of the window parsed so far
    bool started = false;      // behind the empty lines
    bool return_seen = false;  // of an empty line
    bool head_done = false;    // and a body follows
    bool limit_checked = false;
    bool message_done = false;
    size_t empty_lines = 0;
    size_t field_count = 0;  // trailers included
    size_t head_bytes = 0;   // of the window, when the head is done
    size_t body_bytes = 0;
    size_t body_bytes_max = 0;
    size_t framing_bytes = 0;    // of chunks, dropped from the window
    size_t extension_bytes = 0;  // of chunks
    HeaderSpan field;            // being parsed
    Error error = Error::malformed_request;
    const char* detail = nullptr;
  };

  Step skip_empty_lines(size_t size);
  Step run(size_t size);
  Step all_seen(size_t size);
  Step paused(size_t position);
  Step failed(llhttp_errno_t code);
  Step refuse(Error error, const char* detail);
  int stop(Error error, const char* detail);  // refuses from within a callback
  bool oversize(size_t position);
  bool misplaced_version(size_t position) const;
  bool overframed(size_t position) const;
  Error error_of(llhttp_errno_t code, size_t position) const;
  bool is_unknown_method(size_t position) const;

  uint32_t offset(const char* at) const { return static_cast<uint32_t>(at - window_); }
  bool in_trailer() const { return state_.head_done; }
  int on_value_complete();
  int on_headers_complete();
  int on_body(const char* at, size_t length);
  int on_chunk_header();
  int on_extension(size_t length);

  const ParserLimits limits_;
  llhttp_t llhttp_;
  char* window_ = nullptr;
  State state_;
  RequestHead head_;
};

}  // namespace headrace
