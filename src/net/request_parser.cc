// The parser around llhttp: where it pauses, how its errors become ours, and the limits. Every refusal is
// decided by the position in the stream at which it happens, so that it does not depend on how the bytes were
// cut into reads.
#include "src/net/request_parser.h"

#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "src/net/text.h"

namespace headrace {
// llhttp's callbacks, forwarded to the parser they belong to.
struct ParserCalls {
  static RequestParser& self(llhttp_t* p) { return *static_cast<RequestParser*>(p->data); }
  using Data = int(llhttp_t*, const char*, size_t);

  static int method_done(llhttp_t* p) {
    RequestHead& head = self(p).head_;
    head.method_known = true;
    head.method_name = llhttp_method_name(static_cast<llhttp_method_t>(p->method));
    return 0;
  }
  static int target(llhttp_t* p, const char* at, size_t length) {
    self(p).head_.target.extend(self(p).offset(at), length);
    return 0;
  }
  static int target_done(llhttp_t* p) {
    self(p).head_.target_complete = true;
    return 0;
  }
  static int version(llhttp_t* p, const char* at, size_t length) {
    self(p).head_.version.extend(self(p).offset(at), length);
    return 0;
  }
  static int version_done(llhttp_t* p) {
    self(p).head_.version_complete = true;
    return 0;
  }
  static int field(llhttp_t* p, const char* at, size_t length) {
    self(p).state_.field.name.extend(self(p).offset(at), length);
    return 0;
  }
  static int value(llhttp_t* p, const char* at, size_t length) {
    self(p).state_.field.value.extend(self(p).offset(at), length);
    return 0;
  }
  static int value_done(llhttp_t* p) { return self(p).on_value_complete(); }
  static int headers_done(llhttp_t* p) { return self(p).on_headers_complete(); }
  static int body(llhttp_t* p, const char* at, size_t length) { return self(p).on_body(at, length); }
  static int chunk_header(llhttp_t* p) { return self(p).on_chunk_header(); }
  static int extension(llhttp_t* p, const char*, size_t length) { return self(p).on_extension(length); }
  static int message_done(llhttp_t* p) {
    self(p).state_.message_done = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_method_complete = method_done;
      s.on_url = target;
      s.on_url_complete = target_done;
      s.on_version = version;
      s.on_version_complete = version_done;
      s.on_header_field = field;
      s.on_header_value = value;
      s.on_header_value_complete = value_done;
      s.on_headers_complete = headers_done;
      s.on_body = body;
      s.on_chunk_header = chunk_header;
      s.on_chunk_extension_name = extension;
      s.on_chunk_extension_value = extension;
      s.on_message_complete = message_done;
      return s;
    }();
    return &settings;
  }
};

RequestParser::RequestParser(const ParserLimits& limits) : limits_(limits) {
  llhttp_init(&llhttp_, HTTP_REQUEST, ParserCalls::settings());  // no lenient flag is ever set
  llhttp_.data = this;
  next();
}

void RequestParser::next() {
  llhttp_reset(&llhttp_);
  state_ = State{};
  head_.clear();
}

RequestParser::Step RequestParser::parse(char* window, size_t size) {
  window_ = window;
  if (!state_.started) {
    Step step = skip_empty_lines(size);
    if (!state_.started) return step;
  }
  return run(size);
}

// RFC 9112 2.2: a server should ignore an empty line before a request line. A few; CR LF each.
RequestParser::Step RequestParser::skip_empty_lines(size_t size) {
  for (; state_.seen < size; ++state_.seen) {
    char c = window_[state_.seen];
    if (c == '\r' && !state_.return_seen) {
      state_.return_seen = true;
    } else if (c == '\n' && state_.return_seen) {
      state_.return_seen = false;
      if (++state_.empty_lines > limits::leading_empty_lines_max) {
        return refuse(Error::malformed_request, "Too many empty lines before the request line");
      }
    } else if (c == '\n' || state_.return_seen) {
      return refuse(Error::malformed_request, "A line ends with CR LF");
    } else {
      state_.started = true;
      head_.start = static_cast<uint32_t>(state_.seen);
      break;
    }
  }
  return Step::need_more;
}

RequestParser::Step RequestParser::run(size_t size) {
  if (state_.head_done && !state_.limit_checked) {
    state_.limit_checked = true;
    if (head_.content_length > state_.body_bytes_max) {
      return refuse(Error::body_too_large, "Content-Length is more than this route accepts");
    }
  }
  if (state_.seen == size) return Step::need_more;
  llhttp_errno_t code = llhttp_execute(&llhttp_, window_ + state_.seen, size - state_.seen);
  if (code == HPE_OK) return all_seen(size);
  if (code != HPE_PAUSED) return failed(code);
  return paused(offset(llhttp_get_error_pos(&llhttp_)));
}

RequestParser::Step RequestParser::all_seen(size_t size) {
  if (oversize(size)) return Step::refused;
  if (overframed(size)) return refuse(Error::malformed_request, "More chunk framing than data");
  state_.seen = size;
  if (head_.chunked && state_.head_done) {  // what the chunks were wrapped in is not kept
    size_t kept = state_.head_bytes + state_.body_bytes;
    state_.framing_bytes += size - kept;
    state_.seen = kept;
  }
  return Step::need_more;
}

// Either the head is complete and a body follows, or the message is complete.
RequestParser::Step RequestParser::paused(size_t position) {
  if (oversize(position)) return Step::refused;
  state_.seen = position;
  if (state_.message_done) return Step::message;
  llhttp_resume(&llhttp_);
  state_.head_bytes = position;
  state_.head_done = true;
  return Step::head;
}

// --- refusals

RequestParser::Step RequestParser::refuse(Error error, const char* detail) {
  state_.error = error;
  state_.detail = detail;
  return Step::refused;
}

int RequestParser::stop(Error error, const char* detail) {
  refuse(error, detail);
  return -1;
}

RequestParser::Step RequestParser::failed(llhttp_errno_t code) {
  size_t position = offset(llhttp_get_error_pos(&llhttp_));
  if (oversize(position)) return Step::refused;
  if (state_.detail != nullptr) return Step::refused;  // stop() has said why
  return refuse(error_of(code, position), llhttp_get_error_reason(&llhttp_));
}

Error RequestParser::error_of(llhttp_errno_t code, size_t position) const {
  switch (code) {
    case HPE_INVALID_METHOD:
      return is_unknown_method(position) ? Error::not_supported : Error::malformed_request;
    case HPE_INVALID_VERSION:  // "1.2" is a version, "1x" is none, "1.1 " is a broken line
      return head_.version.length == 3 && !head_.version_complete ? Error::version_not_supported
                                                                  : Error::malformed_request;
    case HPE_PAUSED_H2_UPGRADE:
      return Error::version_not_supported;
    default:
      return Error::malformed_request;
  }
}

// What was read so far could be a method, only none that llhttp knows.
bool RequestParser::is_unknown_method(size_t position) const {
  for (size_t i = head_.start; i <= position; ++i) {
    if (!is_token_char(window_[i])) return false;
  }
  return true;
}

// Is the part of the head in front of `position` larger than allowed? Then it is refused.
bool RequestParser::oversize(size_t position) {
  if (state_.head_done || !head_.method_known) return false;
  size_t target = head_.start + head_.method_name.size() + 1;
  // Until llhttp calls it complete, the last bytes may be the blank, or CR LF, behind it.
  size_t target_end = head_.target_complete ? head_.target.end() : position - 2;
  if (target_end > target && target_end - target > limits_.target_bytes_max) {
    refuse(Error::uri_too_long, "The request target is too long");
  } else if (head_.target_complete && misplaced_version(position)) {
    refuse(Error::malformed_request, "The request line is not 'method target HTTP/x.y'");
  } else if (head_.version_complete && position > head_.version.end() + 2 + limits_.header_bytes_max) {
    refuse(Error::headers_too_large, "The header fields are too large");
  } else {
    return false;
  }
  return true;
}

// More than " HTTP/" between target and version, seen as soon as it is certain: llhttp would skip blanks for
// ever.
bool RequestParser::misplaced_version(size_t position) const {
  size_t expected = head_.target.end() + std::strlen(" HTTP/");
  return head_.version.length > 0 ? head_.version.begin != expected : position > expected + 10;
}

bool RequestParser::overframed(size_t position) const {
  if (!head_.chunked || !state_.head_done) return false;
  size_t framing = state_.framing_bytes + position - state_.head_bytes - state_.body_bytes;
  return framing > limits::chunk_framing_bytes_base + limits::chunk_framing_per_byte_max * state_.body_bytes;
}

// --- what llhttp finds

int RequestParser::on_value_complete() {
  if (++state_.field_count > limits_.header_count_max) {
    return stop(Error::headers_too_large, "There are too many header fields");
  }
  HeaderSpan field = std::exchange(state_.field, {});
  if (in_trailer()) return 0;  // trailers are dropped
  std::string_view value = trimmed(field.value.in(window_));
  field.value = {offset(value.data()), static_cast<uint32_t>(value.size())};
  head_.headers.push_back(field);
  return 0;
}

int RequestParser::on_headers_complete() {
  llhttp_.upgrade = 0;  // we never switch protocols; llhttp would stop reading bodies
  if (auto refused = check_head(head_, window_)) return stop(refused.error, refused.detail);
  // Two readers of the same head must agree on where the message ends. Where they do not (llhttp reads no coding in
  // "chunked\t"), others between us and the client may not either: nothing a server should guess about.
  bool agreed = head_.chunked == ((llhttp_.flags & F_CHUNKED) != 0) &&
                (head_.chunked || head_.content_length == llhttp_.content_length);
  if (!agreed) return stop(Error::malformed_request, "The header fields do not say clearly where the body ends");
  return head_.has_body() ? HPE_PAUSED : 0;
}

int RequestParser::on_body(const char* at, size_t length) {
  char* end = window_ + state_.head_bytes + state_.body_bytes;
  if (at != end) std::memmove(end, at, length);
  state_.body_bytes += length;
  return 0;
}

int RequestParser::on_chunk_header() {
  if (llhttp_.content_length > state_.body_bytes_max - state_.body_bytes) {
    return stop(Error::body_too_large, "The chunks are more than this route accepts");
  }
  return 0;
}

int RequestParser::on_extension(size_t length) {
  state_.extension_bytes += length;
  if (state_.extension_bytes > limits::chunk_extension_bytes_max) {
    return stop(Error::malformed_request, "The chunk extensions are too long");
  }
  return 0;
}

void RequestParser::view(const char* window, Request& request) const {
  request.method = head_.method;
  request.keep_alive = head_.keep_alive;
  request.minor_version = head_.minor_version;
  request.target = head_.target.in(window);
  request.path = head_.path.in(window);
  request.query = head_.query.in(window);
  request.body = {window + state_.head_bytes, state_.body_bytes};
  request.headers = HeaderList(head_, window);
}

size_t RequestParser::missing_bytes() const {
  if (!state_.head_done || head_.chunked) return 0;
  return state_.head_bytes + head_.content_length - state_.seen;
}

}  // namespace headrace
