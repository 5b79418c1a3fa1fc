// Where one HTTP/1.1 reply ends: the reading half of the tools' HTTP clients.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace headrace {

// One whole reply; the views point into the bytes it was found in.
struct ReplyView {
  int status = 0;
  std::string_view body;  // as on the wire: still chunked where `chunked` says so
  size_t bytes = 0;       // of the reply, head and body together
  bool chunked = false;
  bool closes = false;  // the server will close the connection after it
};

// The first whole reply at the start of `bytes`; empty where more bytes are needed. Interim (1xx) replies are
// passed over. Every reply must say where it ends: without a length and without chunks it is a Problem.
Result<std::optional<ReplyView>> first_reply(std::string_view bytes);

// The body with its chunk framing taken off; `reply` came from first_reply.
std::string whole_body(const ReplyView& reply);

}  // namespace headrace
